-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever login`, `profile` and `config`; what it does is in
-- accounts.lua.

local raw = require "moonlever.raw"

require("moonlever.accounts").main(raw.args(), require "moonlever.history.host")
