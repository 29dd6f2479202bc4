# SPDX-License-Identifier: MIT
# libmoonlever.so and libmoonlever.a for hosts in C, always both, and moonlever.so for hosts that
# are a Lua themselves. Only what include/moonlever.h declares is seen from outside: ml_* is hidden
# in the shared ones, and local in the archive.

add_library(ml_module OBJECT src/engine/module.c)
target_link_libraries(ml_module PRIVATE ml_core)

add_library(moonlever_lua MODULE $<TARGET_OBJECTS:ml_module>)
set_target_properties(moonlever_lua PROPERTIES OUTPUT_NAME moonlever PREFIX "" NO_SONAME ON
  LINKER_LANGUAGE C LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lua)
# Not PkgConfig::CJSON: it would map a second Lua beside the one in the executable.
target_link_libraries(moonlever_lua PRIVATE ml_core lua5.4-cjson)
if(MOONLEVER_BUILD STREQUAL "module")
  return()
endif()

# The public functions, once, for the libraries and the program.
add_library(ml_door OBJECT src/engine/moonlever.c src/engine/host.c)
target_link_libraries(ml_door PRIVATE ml_core)

add_library(libmoonlever SHARED $<TARGET_OBJECTS:ml_door> $<TARGET_OBJECTS:ml_module>)
set_target_properties(libmoonlever PROPERTIES OUTPUT_NAME moonlever EXPORT_NAME moonlever
  LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION 0)
target_link_libraries(libmoonlever PRIVATE ml_core PkgConfig::LUA PkgConfig::CJSON)
target_include_directories(libmoonlever INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)

# The layers as one object, whose hidden names are made local: a host may have an ml_loop_create
# of its own.
set(MOONLEVER_ARCHIVE ${CMAKE_BINARY_DIR}/libmoonlever.a)
set(merged ${CMAKE_BINARY_DIR}/gen/libmoonlever.o)
add_custom_command(OUTPUT ${MOONLEVER_ARCHIVE}
  COMMAND ${CMAKE_LINKER} -r -o ${merged} $<TARGET_OBJECTS:ml_door> $<TARGET_OBJECTS:ml_module>
    $<TARGET_OBJECTS:ml_core>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${merged}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${MOONLEVER_ARCHIVE}
  COMMAND ${CMAKE_AR} rcsD ${MOONLEVER_ARCHIVE} ${merged}
  DEPENDS libmoonlever # which is linked anew when one of these objects changes
  COMMENT "Merging the layers into libmoonlever.a" COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(libmoonlever_static ALL DEPENDS ${MOONLEVER_ARCHIVE})
