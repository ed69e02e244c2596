// What the CPU can do at most: the measure of how near to it a kernel comes.
#ifndef ADP_BENCH_PORTS_H
#define ADP_BENCH_PORTS_H

#if defined(__x86_64__)

// RegisterPorts registers the row core_clock, whose counter "adds" is the number of additions an
// iteration, each of which waits for the one before and takes one cycle; and for each WIDTH of
// vectors in bits that this CPU has, port_aes/WIDTH, port_clmul/WIDTH and port_mix/WIDTH, whose
// counters "aes" and "clmul" are the numbers of these instructions, none of which waits for
// another.
void RegisterPorts();

#else

inline void RegisterPorts()
{
}

#endif
#endif
