# SPDX-License-Identifier: MIT
# Memory errors and leaks that the sanitizers do not see (uninitialised bytes), in the plain
# build: each unit test once more, and a whole run of the program against the practice account.
find_program(VALGRIND valgrind)
if(NOT VALGRIND)
  message(STATUS "valgrind tests left out: valgrind is not there")
  return()
endif()
set(valgrind ${VALGRIND} --quiet --error-exitcode=99 --leak-check=full
  --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect)

# Very many random rounds: minutes under valgrind, where one round shows the same as all. So are the
# four threads of test_threads, one at a time there; ./dev tsan looks at them.
# test_net_loop counts turns around a fork, which valgrind schedules in its own way.
# test_embed_memory and test_journal_memory count allocations, and valgrind has them in its own hands.
set(valgrind_skip test_embed_cycles test_embed_memory test_json_random test_journal_faults
  test_journal_memory test_net_loop test_pattern test_threads)
foreach(source IN LISTS unit_sources)
  get_filename_component(name ${source} NAME_WE)
  if(NOT name IN_LIST valgrind_skip)
    moonlever_test(valgrind.${name} ${valgrind} $<TARGET_FILE:${name}>)
  endif()
endforeach()
if(TARGET moonlever)
  file(GLOB valgrind_scripts CONFIGURE_DEPENDS valgrind/*.lua)
  foreach(source IN LISTS valgrind_scripts)
    get_filename_component(name ${source} NAME_WE)
    moonlever_test(valgrind.run_${name} ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/lib/run_lua.py
      ${source} ${valgrind})
  endforeach()
endif()
