-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever show`; what it does is in history/show.lua.

local raw = require "moonlever.raw"

require("moonlever.history.show").main(raw.args(), require "moonlever.history.host")
