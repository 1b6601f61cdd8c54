# Flags that every C++ file of the project is compiled with, as the interface target `chainrule_options`.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    message(FATAL_ERROR "chainrule needs GCC or Clang: the promise of equal bits is tested with these; "
                        "this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
endif()

# Flags from the environment that would break a promise, refused with the reason.
if(" ${CMAKE_CXX_FLAGS} " MATCHES " (-ffast-math|-Ofast|-funsafe-math-optimizations|-ffinite-math-only) ")
    message(FATAL_ERROR "CXXFLAGS holds ${CMAKE_MATCH_1}: it changes results and removes the checks for NaN; unset it")
endif()
if(" ${CMAKE_CXX_FLAGS} " MATCHES " (-march=native|-mcpu=native) ")
    message(FATAL_ERROR "CXXFLAGS holds ${CMAKE_MATCH_1}: the instruction set is chosen at run time, and a wheel built "
                        "so fails on other machines; unset it")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)

add_library(chainrule_options INTERFACE)
target_compile_options(chainrule_options INTERFACE
    # No fused multiply-add but the ones written as such: the compiler's own would differ between instruction sets.
    -ffp-contract=off
    # sqrt without a call that sets errno; the trapping of floating-point exceptions is not used.
    -fno-math-errno -fno-trapping-math
    -Wall -Wextra -Wpedantic -Wshadow -Wdouble-promotion
    $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>  # a note on passing vectors by value, which no exported function does
    $<$<BOOL:${CHAINRULE_WERROR}>:-Werror>)

list(JOIN CHAINRULE_SANITIZE "," sanitizers)
if(CHAINRULE_SANITIZE)
    set(sanitizer_flags -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
    target_compile_options(chainrule_options INTERFACE ${sanitizer_flags})
    target_link_options(chainrule_options INTERFACE ${sanitizer_flags})
endif()
