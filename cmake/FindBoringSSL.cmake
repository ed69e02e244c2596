# BoringSSL::crypto, from ADP_BORINGSSL_ROOT or from Debian's android-libboringssl.
if(ADP_BORINGSSL_ROOT)
    set(_hints ${ADP_BORINGSSL_ROOT})
    find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h
        PATHS ${_hints}/include NO_DEFAULT_PATH)
    find_library(BoringSSL_CRYPTO_LIBRARY NAMES crypto
        PATHS ${_hints}/lib ${_hints}/build ${_hints}/build/crypto ${_hints} NO_DEFAULT_PATH)
else()
    find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h
        PATHS /usr/include/android NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    # Debian ships arm64 without the development link, so the soname is looked for as well.
    find_library(BoringSSL_CRYPTO_LIBRARY NAMES libcrypto.so libcrypto.so.0
        PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/android NO_DEFAULT_PATH
        NO_CMAKE_FIND_ROOT_PATH)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoringSSL
    REQUIRED_VARS BoringSSL_CRYPTO_LIBRARY BoringSSL_INCLUDE_DIR)
if(BoringSSL_FOUND AND NOT TARGET BoringSSL::crypto)
    add_library(BoringSSL::crypto UNKNOWN IMPORTED)
    set_target_properties(BoringSSL::crypto PROPERTIES
        IMPORTED_LOCATION ${BoringSSL_CRYPTO_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${BoringSSL_INCLUDE_DIR})
    # Debian keeps the library outside the loader's path.
    get_filename_component(_dir ${BoringSSL_CRYPTO_LIBRARY} DIRECTORY)
    list(APPEND CMAKE_BUILD_RPATH ${_dir})
    list(APPEND CMAKE_INSTALL_RPATH ${_dir})
endif()
