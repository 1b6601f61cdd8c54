# Cython modules: chainrule/NAME.pyx to C, by the Cython of the Python that builds, and to a module. They hold no
# kernels: chainrule._core gives them a table of functions (src/cpp/bindings/plan_api.h).
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module NumPy)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_VISIBILITY_PRESET hidden)

function(chainrule_add_cython name)
    set(folder "${CMAKE_CURRENT_SOURCE_DIR}/src/python")
    set(source "${CMAKE_CURRENT_BINARY_DIR}/${name}.c")
    add_custom_command(
        OUTPUT "${source}"
        COMMAND "${Python_EXECUTABLE}" -m cython $<$<BOOL:${CHAINRULE_WERROR}>:--warning-errors> --include-dir "${folder}"
                --module-name chainrule.${name} --output-file "${source}" "${folder}/chainrule/${name}.pyx"
        DEPENDS "${folder}/chainrule/${name}.pyx" "${folder}/chainrule/_plan_api.pxd" ${ARGN}
        COMMAND_EXPAND_LISTS VERBATIM)
    python_add_library(${name} MODULE WITH_SOABI "${source}")
    target_include_directories(${name} PRIVATE src/cpp ${Python_NumPy_INCLUDE_DIRS})
    target_compile_definitions(${name} PRIVATE NPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION)
    target_compile_options(${name} PRIVATE ${sanitizer_flags})
    target_link_options(${name} PRIVATE ${sanitizer_flags})
    install(TARGETS ${name} LIBRARY DESTINATION chainrule)
endfunction()

chainrule_add_cython(_predictor)
chainrule_add_cython(cython_api "${CMAKE_CURRENT_SOURCE_DIR}/src/python/chainrule/cython_api.pxd")
