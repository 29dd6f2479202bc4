# SPDX-License-Identifier: MIT
# The man pages in ${CMAKE_BINARY_DIR}/man, where scdoc is installed: sources in docs/man, whose
# lists of commands and flags come from the program itself (src/cli/man.h).
find_program(SCDOC scdoc)
if(SCDOC AND NOT MOONLEVER_FUZZ)
  set(man_pages)
  foreach(page IN ITEMS moonlever.1 moonlever-config.5 moonlever-lua.7)
    set(source ${CMAKE_SOURCE_DIR}/docs/man/${page}.scd.in)
    set(made ${CMAKE_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${made}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
      COMMAND sh -ec "$<TARGET_FILE:moonlever> __man \"$1\" > \"$2.scd\" && \"$3\" < \"$2.scd\" > \"$2\""
        - ${source} ${made} ${SCDOC}
      DEPENDS moonlever ${source} VERBATIM)
    list(APPEND man_pages ${made})
  endforeach()
  add_custom_target(man ALL DEPENDS ${man_pages})
endif()
