# SPDX-License-Identifier: MIT
# fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput; fuzz/corpus/NAME/ holds inputs to begin with.
# What is found goes to fuzz/NAME/ of the build directory. All targets share
# MOONLEVER_FUZZ_SECONDS, so that one more target does not make the whole longer.
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/fuzz_*.c)
list(LENGTH fuzz_sources fuzz_count)
if(fuzz_count EQUAL 0)
  message(FATAL_ERROR "there is no tests/fuzz/fuzz_*.c to build")
endif()
math(EXPR fuzz_each "(${MOONLEVER_FUZZ_SECONDS} + ${fuzz_count} - 1) / ${fuzz_count}")
foreach(source IN LISTS fuzz_sources)
  get_filename_component(target ${source} NAME_WE)
  string(REPLACE "fuzz_" "" name ${target})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${test_libraries})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer,address,undefined)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found})
  set(corpus ${found})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
    list(APPEND corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  endif()
  add_test(NAME fuzz.${name} COMMAND ${target} -max_total_time=${fuzz_each} -seed=${MOONLEVER_FUZZ_SEED}
    -timeout=10 -max_len=16384 -print_final_stats=1 -artifact_prefix=${found}/found- ${corpus})
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 900)
endforeach()
