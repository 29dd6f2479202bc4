# SPDX-License-Identifier: MIT
# The practice server's routes come from the catalogues: MOONLEVER_ROUTES is a C
# file, made again whenever a catalogue changes (tools/routes.lua).
find_program(LUA_PROGRAM NAMES lua5.4 lua54 REQUIRED
  DOC "lua5.4, which turns the catalogues into C")
# The services that src/practice has code for: a route without any stops its start.
set(practised screendesk screendragon workdrive)
list(TRANSFORM practised PREPEND ${CMAKE_SOURCE_DIR}/lua/moonlever/services/ OUTPUT_VARIABLE catalogues)
set(catalogue_parts)
foreach(folder IN LISTS catalogues)
  file(GLOB parts CONFIGURE_DEPENDS ${folder}/*.lua)
  list(APPEND catalogue_parts ${parts})
endforeach()
list(TRANSFORM catalogues APPEND .lua)
set(MOONLEVER_ROUTES ${CMAKE_BINARY_DIR}/gen/routes.c)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gen)
add_custom_command(
  OUTPUT ${MOONLEVER_ROUTES}
  COMMAND ${LUA_PROGRAM} ${CMAKE_SOURCE_DIR}/tools/routes.lua ${MOONLEVER_ROUTES} ${catalogues}
  DEPENDS ${catalogues} ${catalogue_parts} ${CMAKE_SOURCE_DIR}/tools/routes.lua
  COMMENT "Making routes of the catalogues" VERBATIM)
