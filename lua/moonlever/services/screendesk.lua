-- SPDX-License-Identifier: MIT
-- Screendesk as data: recordings and users (REST v2) and users over SCIM.
--
-- Everything that Moonlever knows about the service stands here once. From this
-- table come the client's methods, the checks of arguments, help, completion,
-- the reference pages and the routes of the practice server. Nothing is called
-- when the file is loaded, so it can be read in an empty environment:
--
--   local catalogue = loadfile("screendesk.lua", "t", {})()
--   print(catalogue.resources.recordings.operations.get.path)
--
-- Ids such as SD-16 name the ambiguities of the service's own documentation;
-- `notes` says in one sentence what is done about each.
--
-- A resource has a `key` (the member that names an object in a path), a `record`
-- (the name of its shape) and `operations`. An operation is either a request of
-- the service (it has `id`, `method` and `path`) or is derived from one (it has
-- a `strategy` and names that request in `via`).

local USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"

local timestamp = { type = "string", format = "date-time" }
local text = { type = "string" }
local text_or_null = { type = "string", null = true }
local count = { type = "integer" }
local count_or_null = { type = "integer", null = true }
-- An enum whose list of values was lost: any value is kept (SD-11).
local recording_type = { type = "string", known = { "Received" } }
local platform = { type = "string", known = { "zendesk" } }
local role = { type = "string", known = { "admin" } }
local notification = { type = "string", known = { "Enabled" } }

local errors_rest = { 400, 401, 403, 404, 500 }

-- Parameters of the REST lists; the size of a page cannot be chosen (SD-08).
local list_query = {
  page = { type = "integer", min = 1, summary = "start with this page (1-based)" },
}

local recording_uuid = {
  name = "uuid", type = "string", format = "uuid", summary = "the recording's UUID",
}

local scim_id = {
  name = "id", type = "string", summary = "SCIM id or external id",
}

local role_flags = {
  admin = { type = "boolean" },
  member = { type = "boolean" },
  editor = { type = "boolean" },
}

-- What a create or a PUT of a SCIM user may carry. `id` is never sent (SD-17),
-- `schemas` is added by us.
local scim_body = {
  userName = { type = "string", format = "email", required = true, summary = "sign-in name, an address" },
  name = {
    type = "object",
    fields = { givenName = text, familyName = text },
  },
  emails = {
    type = "list",
    summary = "addresses; checked before sending, since the service does not (SD-23)",
    items = {
      type = "object",
      fields = {
        value = { type = "string", format = "email", required = true },
        primary = { type = "boolean" },
        type = text,
      },
    },
  },
  externalId = { type = "string", null = true, summary = "your own identifier" },
  active = { type = "boolean" },
  roles = {
    type = "object", fields = role_flags, normalise = "roles",
    summary = "flags admin, member, editor; a flag left out of a create or replace is false (SD-15)",
  },
}

return {
  format = 1,
  name = "screendesk",
  title = "Screendesk",
  origin = "https://app.screendesk.io",
  env = { url = "SCREENDESK_URL" },
  credentials = {
    default = {
      env = "SCREENDESK_TOKEN", header = "Authorization", prefix = "Bearer ",
      source = "Personal Settings, tab API Tokens (Enterprise plan)",
    },
    scim = {
      env = "SCREENDESK_SCIM_TOKEN", header = "Authorization", prefix = "Bearer ",
      source = "handed out by Screendesk support, not the token of the REST API (SD-20)",
    },
  },

  -- Why a status may have come, where the service's own words leave it open.
  hints = {
    [403] = "the plan may not include the API (it needs Enterprise), or the token's user may not do this (SD-28)",
  },

  shapes = {
    Recording = {
      fields = {
        uuid = { type = "string", format = "uuid" },
        title = text_or_null,
        summary = text_or_null,
        description = text_or_null,
        metadata = {
          type = "object", null = true,
          fields = {
            created_at = timestamp,
            updated_at = timestamp,
            duration = count_or_null,
            impressions_count = count,
            recording_type = recording_type,
            recording_source = text,
            url = text,
            helpdesk_info = {
              type = "object", null = true,
              fields = {
                platform = platform,
                conversation_id = text_or_null,
                ticket_id = text_or_null,
                user_id = text_or_null,
                operator_id = text_or_null,
                customer_id = text_or_null,
                issue_id = text_or_null,
              },
            },
          },
        },
        technical_details = {
          type = "object", null = true, personal = true,
          fields = {
            vendor = text_or_null,
            ip_address = text_or_null,
            timezone = text_or_null,
            network_type = text_or_null,
            isp = text_or_null,
          },
        },
        console_logs = { type = "string", null = true, personal = true },
        customer = { type = "object", null = true, fields = { email = text_or_null } },
        user = { type = "object", null = true, fields = { email = text, name = text } },
        room_insights = {
          type = "object", null = true,
          fields = {
            started_at = { type = "string", format = "date-time", null = true },
            ended_at = { type = "string", format = "date-time", null = true },
            duration = count_or_null,
            total_participant_minutes = { type = "number", null = true },
            total_unique_participants = count_or_null,
            participants_insights = {
              type = "list",
              items = {
                type = "object",
                fields = {
                  participant_id = text,
                  display_name = text_or_null,
                  role = text_or_null,
                  browser = text_or_null,
                  os = text_or_null,
                  device = text_or_null,
                  device_type = text_or_null,
                  user_agent = text_or_null,
                  joined_at = { type = "string", format = "date-time", null = true },
                  left_at = { type = "string", format = "date-time", null = true },
                },
              },
            },
          },
        },
      },
    },

    -- Carries no id; the address is the key, so a changed address looks like
    -- one user leaving and another arriving (SD-13).
    User = {
      fields = {
        email = text,
        name = text,
        has_profile_picture = { type = "boolean" },
        created_at = timestamp,
        updated_at = timestamp,
        role = role,
        notifications = {
          type = "object", null = true,
          fields = {
            notify_first_view = notification,
            notify_all_recordings = notification,
            notify_own_recordings = notification,
          },
        },
      },
    },

    ScimUser = {
      fields = {
        schemas = { type = "list", items = text },
        id = { type = "string" },
        userName = text,
        name = {
          type = "object", null = true,
          fields = { formatted = text, givenName = text, familyName = text },
        },
        emails = {
          type = "list",
          items = {
            type = "object",
            fields = { primary = { type = "boolean" }, value = text, type = text },
          },
        },
        externalId = text_or_null,
        active = { type = "boolean" },
        -- Comes as an array of names or as an object of flags; scripts always
        -- see the three flags (SD-14).
        roles = { type = "object", fields = role_flags, normalise = "roles" },
      },
    },
  },

  resources = {
    recordings = {
      title = "Screen recordings",
      key = "uuid",
      label = "title",
      record = "Recording",
      operations = {
        list = {
          id = "recordings_list", method = "GET", path = "/api/v2/recordings", effect = "read",
          summary = "List recordings; a member sees only their own, an admin those of the account",
          query = list_query,
          pages = {
            style = "page", param = "page", first = 1, items = { "records", "users" },
            page = "pagination.page", size = "pagination.items", next = "pagination.next_page",
            last = "pagination.last_page", total = "pagination.count",
          },
          success = { 200 }, errors = { 401, 403, 500 },
          notes = { "SD-01", "SD-02", "SD-05", "SD-07", "SD-08", "SD-12" },
        },
        get = {
          id = "recordings_get", method = "GET", path = "/api/v2/recordings/{uuid}", effect = "read",
          summary = "Get one recording",
          params = { recording_uuid },
          answer = "object", success = { 200 }, errors = { 401, 403, 404, 500 },
          notes = { "SD-01", "SD-12" },
        },
        update = {
          id = "recordings_update", method = "PATCH", path = "/api/v2/recordings/{uuid}", effect = "update",
          summary = "Change title, summary or description of a recording",
          params = { recording_uuid },
          wrap = "recording", -- the body is {"recording":{…}} (SD-04), as JSON (SD-03)
          fields = {
            -- Not declared nullable, though recordings come without: only an undo sends null, and
            -- the service may refuse it.
            title = { type = "string", null = "restore", summary = "new title; cannot be null" },
            summary = { type = "string", null = true, summary = "short summary" },
            description = { type = "string", null = true, summary = "longer description" },
          },
          answer = "object", read = "get", inverse = "update", finish = "done", admin = true,
          success = { 200 }, errors = { 400, 401, 403, 404, 422, 500 },
          notes = { "SD-02", "SD-03", "SD-04" },
        },
      },
    },

    users = {
      title = "Users of the account (read only)",
      key = "email",
      fold = true, -- addresses are compared in lower case (SD-13)
      label = "name",
      record = "User",
      changed_by = { "scim.users" }, -- resources whose writes move this list
      operations = {
        list = {
          id = "users_list", method = "GET", path = "/api/v2/users", effect = "read",
          summary = "List the users of the account",
          query = list_query,
          pages = {
            style = "page", param = "page", first = 1, items = { "users", "records" },
            page = "pagination.page", size = "pagination.items", next = "pagination.next_page",
            last = "pagination.last_page", total = "pagination.count",
          },
          admin = true, success = { 200 }, errors = { 401, 403, 500 },
          notes = { "SD-05", "SD-06", "SD-07", "SD-08", "SD-13" },
        },
        search = {
          id = "users_search", method = "GET", path = "/api/v2/users/search", effect = "read",
          summary = "Find a user by email; nil when there is none",
          params = {
            { name = "email", ["in"] = "query", type = "string", format = "email", summary = "address to look for" },
          },
          answer = "object", absent = "nil", admin = true,
          success = { 200 }, errors = errors_rest,
          notes = { "SD-09", "SD-26" },
        },
      },
    },

    ["scim.users"] = {
      title = "Users over SCIM",
      key = "id",
      alias = "externalId",     -- also names an object in a path; reads need not show it (SD-16)
      natural_key = "userName", -- how a create of unknown outcome is looked for
      label = "userName",
      record = "ScimUser",
      credential = "scim",
      operations = {
        list = {
          id = "scim_users_list", method = "GET", path = "/api/v2/scim/Users", effect = "read",
          summary = "List the users of the account",
          pages = {
            style = "scim", items = { "Resources" }, total = "totalResults",
            start = "startIndex", count = "count", -- only when the first answer was not all (SD-19)
          },
          success = { 200 }, errors = { 500 },
          notes = { "SD-14", "SD-19", "SD-24" },
        },
        get = {
          id = "scim_users_get", method = "GET", path = "/api/v2/scim/Users/{id}", effect = "read",
          summary = "Get a user by SCIM id or external id",
          params = { scim_id },
          answer = "object", success = { 200 }, errors = { 404, 500 },
          notes = { "SD-14" },
        },
        create = {
          id = "scim_users_create", method = "POST", path = "/api/v2/scim/Users", effect = "create",
          summary = "Create a user; without roles a plain member",
          fields = scim_body,
          defaults = { schemas = { USER_URN } },
          fills = { active = true, roles = { admin = false, member = true, editor = false } }, -- SD-15
          answer = "object", read = "get", inverse = "delete", finish = "done", settle = 5,
          unique = { "userName", "emails" }, -- refused when it comes twice in a run (SD-23)
          success = { 201 }, also = { 200 }, errors = { 422, 500 },
          notes = { "SD-15", "SD-17", "SD-18", "SD-21", "SD-23" },
        },
        replace = {
          id = "scim_users_update", method = "PUT", path = "/api/v2/scim/Users/{id}", effect = "replace",
          summary = "Replace a user as a whole; what is left out may be cleared, update is the careful way",
          params = { scim_id },
          fields = scim_body,
          defaults = { schemas = { USER_URN } },
          answer = "object", read = "get", inverse = "replace", finish = "done",
          unique = { "userName", "emails" },
          success = { 200 }, errors = { 404, 422, 500 },
          notes = { "SD-15", "SD-16", "SD-17", "SD-18", "SD-23" },
        },
        delete = {
          id = "scim_users_delete", method = "DELETE", path = "/api/v2/scim/Users/{id}", effect = "delete",
          summary = "Delete a user, for good; the owner of the account is refused with 403",
          params = { scim_id },
          answer = "none", read = "get", inverse = "create", finish = "done",
          hints = {
            [403] = "the owner of the account cannot be deleted (SD-25); the others can",
          },
          success = { 204 }, also = { 200 }, errors = { 403, 404, 500 },
          notes = { "SD-25" },
        },
        update = {
          strategy = "merge_put", via = "replace", effect = "update",
          summary = "Change a user: read, merge, replace, compare; what is not named stays",
          params = { scim_id }, fields = scim_body,
          notes = { "SD-14", "SD-15", "SD-16" },
        },
        set_roles = {
          strategy = "merge_put", via = "replace", effect = "update",
          summary = "Switch the named roles on or off; roles not named stay",
          params = { scim_id }, sets = "roles", fields = role_flags,
          notes = { "SD-14", "SD-15", "SD-16" },
        },
        replace_roles = {
          strategy = "merge_put", via = "replace", effect = "update",
          summary = "Give exactly these roles; roles not named are off",
          params = { scim_id }, sets = "roles", exact = true, fields = role_flags,
          notes = { "SD-14", "SD-15", "SD-16" },
        },
        set_active = {
          strategy = "merge_put", via = "replace", effect = "update",
          summary = "Switch an account on or off",
          params = { scim_id }, sets = "active", value = { type = "boolean" },
          notes = { "SD-14", "SD-15", "SD-16" },
        },
      },
    },
  },

  notes = {
    ["SD-01"] = "Version 2 of the API everywhere; version 1 is never tried.",
    ["SD-02"] = "A member's token sees only that member's recordings: such a list is no full backup.",
    ["SD-03"] = "Bodies are sent as JSON.",
    ["SD-04"] = "The body is wrapped in \"recording\", and the answer is compared with what was sent.",
    ["SD-05"] = "Items are read from \"records\" or \"users\"; if neither is there, that is an error.",
    ["SD-06"] = "The page number is sent; a second page like the first is an error.",
    ["SD-07"] = "A missing or null next page ends the list.",
    ["SD-08"] = "The size of a page is read, not chosen.",
    ["SD-09"] = "Errors are read in every form; the status line decides.",
    ["SD-11"] = "Unknown values of lists of values are kept.",
    ["SD-12"] = "Nested objects may be null or missing and then read as empty.",
    ["SD-13"] = "Users of the REST API are keyed by their address in lower case.",
    ["SD-14"] = "Roles are read from an array or an object; anything else is an error.",
    ["SD-15"] = "All three role flags are sent with every replacement, taken from a fresh read.",
    ["SD-16"] = "An update reads, merges, replaces the whole user, reads again and compares.",
    ["SD-17"] = "An id is never sent.",
    ["SD-18"] = "The user is read again where the answer to a write has no id.",
    ["SD-19"] = "The list is asked for once; startIndex and count only if it was not complete.",
    ["SD-20"] = "The SCIM token is a setting of its own; the REST token is never used in its place.",
    ["SD-21"] = "Bodies are application/json.",
    ["SD-22"] = "The HTTP status decides; the text in the body is for people.",
    ["SD-23"] = "Addresses are checked before sending; duplicates within a run are refused.",
    ["SD-24"] = "Paths are joined with one slash.",
    ["SD-25"] = "A delete is final; the owner's 403 is reported.",
    ["SD-26"] = "The whole address is percent-encoded.",
    ["SD-28"] = "A 403 may mean the plan or the rights: both are named.",
  },
}
