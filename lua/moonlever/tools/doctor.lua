-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever doctor`, behind what C has looked at itself; what it
-- does is in doctor.lua.

local raw = require "moonlever.raw"

require("moonlever.doctor").main(raw.args(), require "moonlever.history.host")
