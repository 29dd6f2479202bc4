-- SPDX-License-Identifier: MIT
-- `luarocks make` builds the module for stock Lua from this tree. It needs CMake, pkg-config and
-- Debian's development packages: libcurl4-openssl-dev libssl-dev libsqlite3-dev liblua5.4-dev
-- lua-cjson-dev.
rockspec_format = "3.0"
package = "moonlever"
version = "0.1.0-1"
source = {
  url = "file://.", -- made in the tree itself
}
description = {
  summary = "Scripts that change SaaS admin accounts in bulk",
  detailed = [[
Short Lua scripts that change many things in the SaaS accounts an administrator looks after:
planned, journalled before they are sent, resumable and undoable. The engine underneath is C.]],
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = {
  "lua >= 5.4, < 5.5",
}
-- What else it needs is asked of pkg-config by CMake, which says what is missing; the places that
-- external_dependencies looks at are not those of Debian.
build = {
  type = "cmake",
  variables = {
    MOONLEVER_BUILD = "module",
    CMAKE_BUILD_TYPE = "RelWithDebInfo",
    LUA_INCDIR = "$(LUA_INCDIR)",
    MOONLEVER_LUA_CMODDIR = "$(LIBDIR)",
  },
}
