# SPDX-License-Identifier: MIT
# cmake --install: four components, which are also the four Debian packages (package.cmake).
#   program      moonlever, its pages, completions, definition files for editors
#   library      libmoonlever.so.0
#   development  header, libmoonlever.a, pkg-config and CMake files, examples
#   lua          moonlever.so for stock lua
# The prefix may be moved afterwards: nothing installed knows where it is.

# On Debian the linker, pkg-config and CMake look into lib/<triplet> below /usr and /usr/local.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "libraries, below the prefix")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Where Debian's lua5.4 and zsh look; below /usr/local they look elsewhere.
set(lua_cmoddir lib/lua/5.4)
set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(lua_cmoddir ${CMAKE_INSTALL_LIBDIR}/lua/5.4)
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()
set(MOONLEVER_LUA_CMODDIR ${lua_cmoddir} CACHE PATH
  "where moonlever.so for stock lua goes: absolute, or below the prefix")
set(MOONLEVER_ZSH_DIR ${zsh_dir} CACHE PATH "where zsh looks for completions")

install(TARGETS moonlever_lua DESTINATION ${MOONLEVER_LUA_CMODDIR} COMPONENT lua)
if(MOONLEVER_BUILD STREQUAL "module")
  return()
endif()

# --- the libraries ---
install(TARGETS libmoonlever EXPORT moonlever
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Where src/engine/isolate.c looks: below the folder of the library.
install(TARGETS moonlever-isolate RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/moonlever COMPONENT library)
install(FILES ${MOONLEVER_ARCHIVE} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(FILES include/moonlever.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/moonlever)
install(EXPORT moonlever NAMESPACE moonlever:: FILE moonleverTargets.cmake
  DESTINATION ${cmake_dir} COMPONENT development)
configure_package_config_file(cmake/moonleverConfig.cmake.in ${CMAKE_BINARY_DIR}/gen/moonleverConfig.cmake
  INSTALL_DESTINATION ${cmake_dir} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# Below 1.0 a minor version may change what hosts see.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/gen/moonleverConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/gen/moonleverConfig.cmake
  ${CMAKE_BINARY_DIR}/gen/moonleverConfigVersion.cmake
  DESTINATION ${cmake_dir} COMPONENT development)

# From the directory of the .pc file back to the prefix, so that the whole may be moved.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH up /${pc_dir} /)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE pc_includedir)
foreach(file IN ITEMS moonlever.pc moonlever-static.pc)
  configure_file(cmake/${file}.in ${CMAKE_BINARY_DIR}/gen/${file} @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/gen/${file} DESTINATION ${pc_dir} COMPONENT development)
endforeach()

install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
install(FILES docs/embedding.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

# --- the program, and what it says of itself ---
if(NOT TARGET moonlever)
  return()
endif()
install(TARGETS moonlever RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
foreach(page IN LISTS man_pages)
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT program)
endforeach()

set(made ${CMAKE_BINARY_DIR}/gen/share)
set(say_completions)
foreach(shell IN ITEMS bash zsh fish)
  list(APPEND say_completions COMMAND sh -ec "\"$1\" completion \"$2\" > \"$3/$2\""
    - $<TARGET_FILE:moonlever> ${shell} ${made})
endforeach()
add_custom_command(OUTPUT ${made}/bash ${made}/zsh ${made}/fish
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${made}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${made}/meta
  COMMAND $<TARGET_FILE:moonlever> stubs --quiet -o ${made}/meta
  ${say_completions}
  DEPENDS moonlever COMMENT "Asking moonlever for its completions and definition files" VERBATIM)
add_custom_target(derived ALL DEPENDS ${made}/bash)
install(FILES ${made}/bash RENAME moonlever
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
install(FILES ${made}/zsh RENAME _moonlever DESTINATION ${MOONLEVER_ZSH_DIR} COMPONENT program)
install(FILES ${made}/fish RENAME moonlever.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
install(DIRECTORY ${made}/meta DESTINATION ${CMAKE_INSTALL_DATADIR}/moonlever COMPONENT program
  FILES_MATCHING PATTERN *.lua)
