# The C++ tests: one program over model, kernels and runtime, without Python and without a framework.
find_package(Threads REQUIRED)
file(GLOB cpp_test_sources CONFIGURE_DEPENDS tests/cpp/*.cpp)
add_executable(chainrule_cpp_tests ${cpp_test_sources})
target_include_directories(chainrule_cpp_tests PRIVATE tests/cpp)
# The judge computes in long double, and means it. Options of files come after those of targets.
set_source_files_properties(${cpp_test_sources} PROPERTIES COMPILE_OPTIONS -Wno-double-promotion)
target_link_libraries(chainrule_cpp_tests PRIVATE chainrule_model chainrule_options Threads::Threads)
