/* Builds for fuzzers pass over checksums and signatures, which no mutation survives, so that the
 * parsers behind them are reached. Such a build protects nothing: it cannot be a release. */
#ifndef ADP_FUZZING_H
#define ADP_FUZZING_H

#if defined(ADP_FUZZING) && defined(NDEBUG)
#    error "ADP_FUZZING is for debug builds of the fuzz targets only"
#endif

#ifdef ADP_FUZZING
#    define ADP_SKIP_AUTHENTICATION 1
#else
#    define ADP_SKIP_AUTHENTICATION 0
#endif

#endif
