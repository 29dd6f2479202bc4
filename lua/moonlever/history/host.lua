-- SPDX-License-Identifier: MIT
-- What the tools stand on when the program runs them: the primitives of
-- moonlever.raw, and a way to end with an exit code and a sentence.

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"

local host = {}

-- The kinds of error behind the exit codes.
local KINDS = { [2] = "usage", [6] = "guard" }

--- Ends the run with exit code 2 or 6; the text is its error.
function host.fail(code, text)
  errors.raise(KINDS[code], text, { config = code == 2 })
end

return setmetatable(host, { __index = raw })
