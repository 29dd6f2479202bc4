-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever runs`; what it does is in history/runs.lua.

local raw = require "moonlever.raw"

require("moonlever.history.runs").main(raw.args(), require "moonlever.history.host")
