-- SPDX-License-Identifier: MIT
-- Undefined globals are errors: `prnt("x")` says what was meant.
--
-- Reading a global that was never set raises; setting one is allowed, so a script
-- may define functions of its own. A global set to nil is still defined.
--
--   strict.apply(env)

local suggest = require "moonlever.suggest"

local strict = {}

-- Makes reading undefined members of `env` an error. An __index that is there
-- already is asked first. Returns env.
function strict.apply(env)
  local meta = getmetatable(env) or {}
  local before = meta.__index
  local defined = {}
  meta.__index = function(t, name)
    local value
    if type(before) == "function" then value = before(t, name) elseif before then value = before[name] end
    if value ~= nil or defined[name] then return value end
    local best = suggest.closest(name, suggest.names(t))
    local hint = best and ("; did you mean '%s'?"):format(best) or ""
    error(("undefined variable '%s'%s"):format(tostring(name), hint), 2)
  end
  meta.__newindex = function(t, name, value)
    defined[name] = true
    rawset(t, name, value)
  end
  return setmetatable(env, meta)
end

return strict
