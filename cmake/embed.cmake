# SPDX-License-Identifier: MIT
# moonlever_embed(OUT SYMBOL ROOT FILES...): turns files into one C file that
# defines `const struct ml_embedded SYMBOL[]`, ended by a NULL name. Names are
# paths below ROOT without ".lua", slashes as dots; "/init" is dropped.
function(moonlever_embed out symbol root)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${symbol}
      -DROOT=${CMAKE_SOURCE_DIR}/${root} "-DFILES=${ARGN}"
      -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    COMMENT "Embedding ${root}" VERBATIM)
endfunction()
