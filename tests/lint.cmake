# SPDX-License-Identifier: MIT
# The rules of the source as tests. A tool that is not there leaves its test out; ./dev
# installs them all.
moonlever_test(lint.layers ${PYTHON3} ${CMAKE_SOURCE_DIR}/tools/check-layers ${CMAKE_SOURCE_DIR})

file(GLOB lint_tests CONFIGURE_DEPENDS lint/test_*.py)
foreach(source IN LISTS lint_tests)
  get_filename_component(name ${source} NAME_WE)
  moonlever_test(lint.${name} ${PYTHON3} ${source})
endforeach()

find_program(LUACHECK luacheck)
if(LUACHECK)
  set(lua_dirs)
  foreach(dir IN ITEMS lua scripts tests tools bench examples)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/*.lua)
    if(found)
      list(APPEND lua_dirs ${dir})
    endif()
  endforeach()
  moonlever_test(lint.luacheck ${LUACHECK} --quiet --no-color ${lua_dirs})
  set_tests_properties(lint.luacheck PROPERTIES WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endif()

# Another version of clang-format wants other breaks: the one of Debian 12 rules.
find_program(CLANG_FORMAT NAMES clang-format-14 clang-format)
if(CLANG_FORMAT)
  execute_process(COMMAND ${CLANG_FORMAT} --version OUTPUT_VARIABLE clang_format_version)
  if(clang_format_version MATCHES "version 14\\.")
    file(GLOB_RECURSE c_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*.[ch]
      ${CMAKE_SOURCE_DIR}/include/*.h ${CMAKE_SOURCE_DIR}/tests/*.[ch]
      ${CMAKE_SOURCE_DIR}/bench/*.[ch] ${CMAKE_SOURCE_DIR}/examples/*.[ch])
    list(FILTER c_files EXCLUDE REGEX "/node_modules/")
    moonlever_test(lint.format ${CLANG_FORMAT} --dry-run -Werror ${c_files})
  else()
    message(STATUS "lint.format left out: it needs clang-format 14")
  endif()
endif()
