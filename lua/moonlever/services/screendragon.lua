-- SPDX-License-Identifier: MIT
-- Screendragon as data: the users of an account.
--
-- Pure data, as in screendesk.lua; docs/catalogue.md explains every key. Ids such as
-- SG-10 name the ambiguities of the service's own documentation; `notes` says in one
-- sentence what is done about each.
--
--   local catalogue = loadfile("screendragon.lua", "t", {})()
--   print(catalogue.resources.users.operations.get.path)
--
-- What is unusual about this service, and the keys that say so:
--   * reads, creates and bulk writes spell members in three ways: `case_blind`
--   * a PUT may blank what it leaves out: `strategy = "merge_put"` with `only_fields`
--   * answers to writes show no object (`answer` is "id" or "message"), so it is read
--   * deletes and bulk writes are queued: `finish = "accepted"`, and `gone` tells how
--     the end of a delete looks; none of them is repeated: `once`
--   * errors are told apart by their texts: `meanings`

local text = { type = "string" }
local address = { type = "string", format = "email" }

local user_id = { name = "id", type = "integer", shown_as = "userID", summary = "the user's number" }

-- A switch that the service wants as a number; scripts may say true or false (SG-18).
local zero_or_one = { type = "integer", enum = { 0, 1 }, flag = true }

return {
  format = 1,
  name = "screendragon",
  title = "Screendragon",
  env = { url = "SCREENDRAGON_URL" }, -- no host is documented (SG-01)
  credentials = {
    default = {
      env = "SCREENDRAGON_TOKEN", header = "Authorization", prefix = "Bearer ",
      source = "how to get one is not documented: ask your Screendragon contact (SG-01)",
    },
  },

  -- Errors by their text, compared in lower case and without punctuation (SG-09 … SG-11).
  meanings = {
    { status = 400, text = "no data", kind = "nodata" },
    { status = 400, text = "unauthorized update attempt", kind = "forbidden" },
    { status = 400, text = "you must be an admin", kind = "forbidden" },
    { status = 401, text = "unauthorized update access", kind = "forbidden" },
  },

  hints = {
    [400] = "\"No data\" may mean an unknown user, an empty result or a failure: look into the list (SG-10)",
    [403] = "this needs the token of an admin (SG-09)",
  },

  shapes = {
    User = {
      case_blind = true,
      fields = {
        userID = { type = "integer" },
        UserName = text,
        FirstName = text,
        LastName = text,
        email = address,
        status = { type = "string", known = { "active" } },
        CreateDate = { type = "string", format = "date-time" },
        customFields = {
          type = "list",
          items = {
            type = "object",
            fields = {
              guid = text, type = text, dataType = text,
              label = { type = "object" }, -- language code to text
              values = { type = "list", items = text },
            },
          },
        },
        groups = {
          type = "list", items = { type = "object", fields = { name = text, id = { type = "integer" } } },
        },
      },
    },
  },

  resources = {
    users = {
      title = "Users",
      key = "userID",
      natural_key = "UserName", -- how a create of unknown outcome is looked for
      label = "UserName",
      record = "User",
      operations = {
        list = {
          id = "users_list", method = "GET", path = "/api/users", effect = "read",
          summary = "List users, inactive ones as well unless active is given",
          query = {
            emailFilter = { type = "string", summary = "part of the address" },
            nameFilter = { type = "string", summary = "part of the full name" },
            groupID = { type = "integer", summary = "only members of this group; needs an admin" },
            filterText = { type = "string", summary = "value to look for in metadata; goes with filterBy" },
            filterBy = { type = "string", summary = "GUID of one metadata field; goes with filterText" },
            customFields = { type = "string", summary = "fields to return: a JSON array of labels or GUIDs, as text" },
            active = { type = "boolean", summary = "only active users" },
            activeAndInactive = { type = "boolean", default = true, unless = "active", summary = "all users" },
            includeCreateData = { type = "boolean", summary = "with CreateDate" },
            includeGroups = { type = "boolean", summary = "with groups" },
            filterExact = { type = "boolean", summary = "match metadata exactly, not in part" },
          },
          rules = { { together = { "filterBy", "filterText" } } },
          pages = { style = "none", items = { "$" } },
          success = { 200 }, errors = { 400 },
          notes = { "SG-10", "SG-11", "SG-12", "SG-19", "SG-20", "SG-23" },
        },
        get = {
          id = "users_get", method = "GET", path = "/api/users/{id}", effect = "read",
          summary = "Get a user by number",
          params = { user_id },
          answer = "object", success = { 200 }, errors = { 400 },
          notes = { "SG-10", "SG-12", "SG-20" },
        },
        get_by_username = {
          id = "users_get_by_username", method = "GET", path = "/api/users/UserDetails/{username}", effect = "read",
          summary = "Get a user by name; another user's answer is an error",
          params = {
            { name = "username", type = "string", shown_as = "UserName", summary = "the sign-in name" },
          },
          answer = "object", success = { 200 }, errors = { 400 },
          notes = { "SG-03", "SG-10", "SG-12", "SG-20" },
        },
        create = {
          id = "users_create", method = "POST", path = "/api/users", effect = "create",
          summary = "Create a user; the answer is a number, so the user is read afterwards",
          fields = {
            userName = { type = "string", summary = "sign-in name; must be new" },
            firstName = text,
            lastName = text,
            email = address,
            password = { type = "string", secret = true, summary = "left out for people who sign in through SSO" },
            encryptPassword = { type = "boolean", enum = { true }, summary = "always true" },
            groupTags = { type = "list", items = text, summary = "tags of groups; one that is unknown fails all" },
            isTsIngestUser = zero_or_one,
            ssoUser = zero_or_one,
          },
          -- Every documented member is sent, since the marks of the required ones are lost (SG-02).
          defaults = { encryptPassword = true, groupTags = {}, isTsIngestUser = 0, ssoUser = 0 },
          rules = {
            { need = { "userName" }, note = "SG-02" },
            { when = { ssoUser = 1 }, refuse = { "password" }, note = "SG-18" },
          },
          answer = "id", read = "get", inverse = "delete", finish = "done", admin = true,
          unique = { "userName" },
          hints = {
            [400] = "the name may be taken, or a group tag unknown: one bad tag fails the whole create (SG-21)",
          },
          success = { 200 }, also = { 201 }, errors = { 400, 403 },
          notes = { "SG-02", "SG-05", "SG-09", "SG-12", "SG-18", "SG-20", "SG-21" },
        },
        update = {
          id = "users_update", method = "PUT", path = "/api/users/{id}", effect = "replace",
          strategy = "merge_put", only_fields = true,
          summary = "Change a user's name or address: read, send all three members, read again",
          params = { user_id },
          fields = { firstName = text, lastName = text, email = address },
          answer = "message", read = "get", inverse = "update", finish = "done",
          success = { 200 }, errors = { 400 },
          notes = { "SG-02", "SG-06", "SG-07", "SG-08", "SG-09", "SG-12", "SG-20" },
        },
        delete = {
          id = "users_delete", method = "DELETE", path = "/api/users/{id}", effect = "delete",
          summary = "Delete or deactivate a user, now or on a day to come; there is no way back",
          params = { user_id },
          query = {
            scheduledDate = { type = "string", summary = "ISO 8601 date of the removal; left out: now" },
            assignUserID = { type = "integer", summary = "who takes over; left out: nobody" },
          },
          later = "scheduledDate",
          answer = "message", read = "list", finish = "accepted", once = true, admin = true,
          gone = { field = "status", isnt = "active" },
          confirm = "Whether a removed user can be brought back is not documented (SG-16)",
          irreversible = "no call brings a removed user back (SG-16)",
          success = { 200 }, also = { 202 }, errors = { 400, 401, 403, 404, 500 },
          notes = { "SG-04", "SG-09", "SG-13", "SG-16", "SG-20" },
        },
        bulk_update = {
          id = "users_bulk_update", method = "PUT", path = "/api/users/details", effect = "replace",
          strategy = "bulk",
          summary = "Change many users in one queued call; what an item leaves out is taken from a fresh read",
          body = "list", member = "UserId", complete = true,
          items = {
            type = "object",
            fields = {
              UserId = { type = "integer", required = true },
              FirstName = text,
              LastName = text,
              Email = address,
              Role = { type = "string", summary = "may change rights: sent only where it is given" },
            },
          },
          answer = "message", read = "list", inverse = "bulk_update", finish = "accepted", once = true, admin = true,
          success = { 200 }, also = { 202 }, errors = { 400, 500 },
          notes = { "SG-07", "SG-12", "SG-13", "SG-14", "SG-17", "SG-20" },
        },
        bulk_delete = {
          id = "users_bulk_delete", method = "DELETE", path = "/api/users", effect = "delete",
          strategy = "bulk",
          summary = "Delete or deactivate many users in one queued call; for a few use delete",
          body = "list", member = "$", items = { type = "integer" },
          answer = "message", read = "list", finish = "accepted", once = true, admin = true,
          gone = { field = "status", isnt = "active" },
          confirm = "Whether removed users can be brought back is not documented (SG-16)",
          irreversible = "no call brings a removed user back (SG-16)",
          success = { 200 }, also = { 202 }, errors = { 400, 500 },
          notes = { "SG-13", "SG-15", "SG-16", "SG-20" },
        },
      },
    },
  },

  notes = {
    ["SG-01"] = "Address and token are settings without a default.",
    ["SG-02"] = "Every documented member of a create is sent; which ones are needed is left to the service.",
    ["SG-03"] = "The username goes into the path, and the answer must show that name.",
    ["SG-04"] = "A delete's parameters go into an ordinary query string; a scheduled removal seen at once is reported.",
    ["SG-05"] = "The number that answers a create is taken for the id and confirmed by reading the user.",
    ["SG-06"] = "A username is never sent in an update.",
    ["SG-07"] = "An update reads first and sends all members; a bulk update completes each item the same way.",
    ["SG-08"] = "The id in the path is that of the user who is changed.",
    ["SG-09"] = "403 and the texts about rights under 400 and 401 are errors of kind forbidden; a 403 may be empty.",
    ["SG-10"] = "\"No data\" is an error of kind nodata and proves nothing; absence is confirmed with the list.",
    ["SG-11"] = "Error texts only choose the kind of an error, without regard to case and punctuation.",
    ["SG-12"] = "Members are sent as documented for each call and read without regard to case.",
    ["SG-13"] = "A queued call is accepted, not done; the users are read until it shows, and it is never sent twice.",
    ["SG-14"] = "Bulk updates are taken to need an admin.",
    ["SG-15"] = "The body of a bulk delete is a bare array that is never empty.",
    ["SG-16"] = "A delete counts as final and is asked about; what is known of the user is kept before.",
    ["SG-17"] = "Role is sent only where a script gives it.",
    ["SG-18"] = "encryptPassword is always true, switches are 0 or 1, no password goes with ssoUser, none is shown.",
    ["SG-19"] = "The list asks for active and inactive users unless active is given.",
    ["SG-20"] = "Any status from 200 to 299 is a success.",
    ["SG-21"] = "A create that is refused names the group tags as a possible cause; one bad tag fails it all.",
    ["SG-22"] = "The samples of the documentation are not valid JSON and serve as no test.",
    ["SG-23"] = "One GUID filters; customFields is passed on as it is given.",
  },
}
