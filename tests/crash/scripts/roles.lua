-- SPDX-License-Identifier: MIT
-- Makes each user an editor who is no admin; the member flag stays.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
moonlever.each(sd.scim.users:list(), function(user)
  sd.scim.users:set_roles(user, { editor = true, admin = false })
end)
