-- SPDX-License-Identifier: MIT
-- Deletes each user whose id is in its arguments.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
moonlever.each(arg, function(id)
  sd.scim.users:delete(id)
end)
