# adp_options carries the warnings, the hardening and the sanitizers of every target of the project.
add_library(adp_options INTERFACE)
target_compile_definitions(adp_options INTERFACE _GNU_SOURCE)
target_compile_options(adp_options INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wformat=2 -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
    -fstack-protector-strong -fno-strict-aliasing -fvisibility=hidden)
if(ADP_WERROR)
    target_compile_options(adp_options INTERFACE -Werror)
endif()
target_link_options(adp_options INTERFACE -Wl,-z,relro,-z,now,--as-needed)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ADP_SANITIZE)
    target_compile_options(adp_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(ADP_SANITIZE)
    target_compile_options(adp_options INTERFACE
        -fsanitize=${ADP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(adp_options INTERFACE -fsanitize=${ADP_SANITIZE})
endif()
