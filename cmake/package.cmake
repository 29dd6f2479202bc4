# SPDX-License-Identifier: MIT
# cpack -G DEB: a package for each component of install.cmake (or ./dev package, whose build has
# the directories of /usr). What their files need is found out by dpkg-shlibdeps.
set(CPACK_PACKAGE_NAME moonlever)
set(CPACK_PACKAGE_VENDOR "the Moonlever authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL program library development lua)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "Moonlever authors <moonlever@packages.invalid>" CACHE STRING
  "who stands for the Debian packages")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "scripts that change SaaS admin accounts in bulk")
set(about "Moonlever runs short Lua scripts that change many things in the SaaS
accounts an administrator looks after: retag recordings, change roles in
bulk, take leavers out. Changes are planned, journalled before they are
sent, resumable and undoable.
.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME moonlever)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION admin)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "${about}
This package is the command line.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libmoonlever0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "${about}
This package is the library for programs that run such scripts.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmoonlever-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libmoonlever0 (= ${PROJECT_VERSION}), libcurl4-openssl-dev (>= 7.88), libssl-dev, libsqlite3-dev (>= 3.37), liblua5.4-dev, lua-cjson-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "${about}
This package is what such programs are built with: header, static
library, examples.")

set(CPACK_DEBIAN_LUA_PACKAGE_NAME lua-moonlever)
set(CPACK_DEBIAN_LUA_PACKAGE_SECTION interpreters)
set(CPACK_DEBIAN_LUA_PACKAGE_RECOMMENDS lua5.4)
set(CPACK_COMPONENT_LUA_DESCRIPTION "${about}
This package is the module for lua5.4.")

foreach(file IN ITEMS changelog shlibs finish.cmake)
  configure_file(packaging/debian/${file}.in ${CMAKE_BINARY_DIR}/gen/debian/${file} @ONLY)
endforeach()
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/triggers
  ${CMAKE_BINARY_DIR}/gen/debian/shlibs)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_BINARY_DIR}/gen/debian/finish.cmake)
include(CPack)
