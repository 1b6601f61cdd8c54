# The kernels: the same two source files compiled once per instruction set, each into an object library of its own.
#
# A weak symbol (an inline or template function) in one of these objects could be merged by the linker with another's,
# and AVX-512 code would run on a machine without it. So: no link-time optimisation, no exceptions, no RTTI, no thread-
# safe statics, and tests/test_compiled_objects.py reads the symbols of what was built.

set(CHAINRULE_KERNELS "")             # the object libraries
set(CHAINRULE_KERNEL_DEFINITIONS "")  # CHAINRULE_HAVE_AVX2=1 ...: which tables exist, for the kernel selection

# Instrumented by a sanitizer, the unrolled tiles take minutes to compile at -O3.
if(CHAINRULE_SANITIZE)
    set(kernel_optimization -O1)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(kernel_optimization -O3)
endif()

# UBSan's checks of pointers that no load of ours can fail and not AddressSanitizer or a guard page (null, alignment, wrapped
# around) took a file from 35 to 130 seconds. Options of this target come after those of chainrule_options.
add_library(chainrule_kernel_checks INTERFACE)
if("undefined" IN_LIST CHAINRULE_SANITIZE)
    target_compile_options(chainrule_kernel_checks INTERFACE
        -fno-sanitize=null,alignment,pointer-overflow,object-size,nonnull-attribute)
endif()

function(chainrule_add_kernels name)
    string(TOLOWER "kernels_${name}" target)
    add_library(${target} OBJECT src/cpp/kernels/kernels_f32.cpp src/cpp/kernels/kernels_f64.cpp)
    target_compile_definitions(${target} PRIVATE CHAINRULE_ISA_${name})
    target_include_directories(${target} PRIVATE src/cpp)
    target_link_libraries(${target} PRIVATE chainrule_options chainrule_kernel_checks)
    target_compile_options(${target} PRIVATE
        ${kernel_optimization} -fno-lto -fno-exceptions -fno-rtti -fno-threadsafe-statics
        -fno-asynchronous-unwind-tables ${ARGN})  # nothing unwinds a kernel
    set(CHAINRULE_KERNELS ${CHAINRULE_KERNELS} ${target} PARENT_SCOPE)
    set(CHAINRULE_KERNEL_DEFINITIONS ${CHAINRULE_KERNEL_DEFINITIONS} CHAINRULE_HAVE_${name}=1 PARENT_SCOPE)
endfunction()

set(CHAINRULE_INSTRUCTION_SETS "avx2;avx512" CACHE STRING
    "Instruction sets to build kernels for beside the baseline, where the processor family has them")

# What is rarely run is to be small: a wheel of less than 2 MB.
if(kernel_optimization STREQUAL "-O3")
    set(baseline_optimization -O2)
endif()
chainrule_add_kernels(BASELINE ${baseline_optimization})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    if("avx2" IN_LIST CHAINRULE_INSTRUCTION_SETS)
        chainrule_add_kernels(AVX2 -mavx2 -mfma -mprfchw)
    endif()
    if("avx512" IN_LIST CHAINRULE_INSTRUCTION_SETS)
        chainrule_add_kernels(AVX512
            -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprfchw -mprefer-vector-width=512
            # GCC's own avx512fintrin.h passes undefined registers on purpose and warns of them (GCC bug 105593).
            $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    endif()
endif()
