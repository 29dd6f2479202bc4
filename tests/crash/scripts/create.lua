-- SPDX-License-Identifier: MIT
-- Creates a user for each address in its arguments.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
moonlever.each(arg, function(address)
  sd.scim.users:create { userName = address, emails = { { value = address, primary = true } } }
end)
