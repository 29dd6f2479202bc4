-- SPDX-License-Identifier: MIT
-- WorkDrive, part: people, organizations, tokens, departments, locations, security
-- groups and sign-in. See ../workdrive.lua for what holds for the whole service.

local text = { type = "string" }
local bool = { type = "boolean" }
local count = { type = "integer" }
local any = { type = "any" }
local timestamp = { type = "string", format = "date-time" }
local texts = { type = "list", items = text }
local uuid = { type = "string", format = "uuid" }
local uuids = { type = "list", items = uuid }
local address = { type = "string", format = "email" }
local user_ref = { type = "object", null = true, shape = "UserRef" }

local ok = { 200 }
local failures = { 400, 401, 403, 404, 500, 503 }
local NO_WAY_BACK = "no call brings it back; what was known of it is in the journal"
local PAGED = { "WD-04", "WD-46", "WD-47", "WD-48" }
local BARE_ID = { "id" } -- the word is never sent as an id (WD-07)

-- Every numbered list takes these two.
local page_number = { type = "integer", min = 1, summary = "start with this page (1-based)" }
local page_size = { type = "integer", min = 1, summary = "items a page; 100 unless given" }
local page_query = { cur_page = page_number, per_page = page_size }

local user_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the user's id" }
local organization_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the organization's id" }
local department_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the department's id" }
local location_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the location's id" }
local group_id = {
  name = "groupId", type = "string", format = "uuid", refuse = BARE_ID, summary = "the security group's id",
}

-- Members of a user that writes share.
local designation = { type = "string", summary = "job title" }
local department = { type = "string", format = "uuid", summary = "id of the department" }
local location = { type = "string", format = "uuid", shows = false, summary = "id of the location" }
local security_group = { type = "string", format = "uuid", summary = "id of the security group" }
local reports_to = { type = "string", format = "uuid", summary = "id of the supervisor" }
local visibility = { type = "string", enum = { "public", "restricted" } }
local add_teams = { type = "list", items = uuid, shows = "userAdditionalTeams", summary = "supervisors to join" }
local add_locations = {
  type = "list", items = uuid, irreversible = "no call takes such a location away again (WD-14)",
  summary = "locations whose admins become supervisors as well; cannot be taken back",
}

local organization_address = {
  type = "object",
  fields = { street1 = text, street2 = { type = "string", null = true }, city = text, state = text, zip = text },
}

local department_member = {
  type = "object",
  fields = {
    id = { type = "string", format = "uuid", summary = "the user's id" },
    isAdmin = bool,
    existingDept = { type = "string", format = "uuid", summary = "the department that the user is in now" },
    isDepartmentHead = bool,
  },
}
local name_only = { name = { type = "string", summary = "the new name" } }
local group_members = {
  ids = { type = "list", items = uuid, required = true, nonempty = true, summary = "ids of users" },
}

return {
  format = 1,
  name = "workdrive",

  shapes = {
    -- Also what creates and updates answer, which have some members more.
    User = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, orgId = text,
        userName = text, email = address, status = text, firstName = text, lastName = text, picture = any,
        cover = any, bio = text, phone = text, reportsTo = text, designation = text, department = text,
        isDepartmentHead = bool, color = text, isExpert = bool, availability = count, location = any,
        reportsToObj = user_ref, teamMembers = texts, userAdditionalTeams = texts, addAdditionalLocations = texts,
        badges = {
          type = "list", items = {
            type = "object", fields = {
              id = text, title = text, description = text, badgeFileName = text, orgId = text, path = text,
            },
          },
        },
      },
    },
    Supervisor = { fields = { id = text, email = address, firstName = text, lastName = text } },
    Organization = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, status = text, subdomain = text,
        parentOrgId = text, name = text, legalName = text, websites = texts, address = organization_address,
        file = { type = "object", null = true, shape = "File" }, email = address, phone = text, description = text,
        industry = text, authMethod = { type = "list", items = text, or_type = "string" },
        accessToken = { type = "string", secret = true },
      },
    },
    Token = { fields = { userId = uuid, token = { type = "string", secret = true } } },
    Department = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, orgId = text,
        type = text, name = text, memberCount = count, admins = { type = "list", items = user_ref },
        departmentHeads = uuids, members = { type = "list", items = user_ref },
      },
    },
    Location = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, orgId = uuid,
        name = text, memberCount = count, members = { type = "list", items = user_ref },
      },
    },
    SecurityGroup = { fields = { id = uuid, name = text, memberCount = count } },
    Sso = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, orgId = uuid,
        type = { type = "string", known = { "QUICK_LINK", "SSO" } }, link = text, loginURL = text,
        authorizationURI = text, tokenURI = text, refreshURI = text, locationId = uuid, departmentId = uuid,
        order = count, file = { type = "object", null = true, shape = "File" }, user = user_ref,
      },
    },
  },

  resources = {
    users = {
      title = "People", key = "id", natural_key = "email", label = "email", record = "User",
      changed_by = { "departments", "locations" },
      operations = {
        list = {
          id = "users_list", method = "GET", path = "/api/users", effect = "read",
          summary = "List the people of the organization",
          query = {
            cur_page = page_number, per_page = page_size,
            location = { type = "string", format = "uuid", summary = "only people of this location" },
            department = { type = "string", format = "uuid", summary = "only people of this department" },
          },
          pages = { style = "page", items = { "users" } },
          success = ok, errors = failures, notes = PAGED,
        },
        list_supervisors = {
          id = "users_list_supervisors", method = "GET", path = "/api/users/supervisors", effect = "read",
          summary = "List people who have others reporting to them",
          query = {
            cur_page = page_number, per_page = page_size,
            userId = { type = "string", format = "uuid", summary = "only the supervisors of this person" },
          },
          pages = { style = "page", items = { "users" } }, record = "Supervisor",
          success = ok, errors = failures, notes = PAGED,
        },
        create = {
          id = "users_create", method = "POST", path = "/api/users/add", effect = "create",
          summary = "Create a person; sends a mail to them or to their supervisor",
          query = { bulk = { type = "boolean", summary = "fill gaps from the default onboarding settings" } },
          fields = {
            email = address, phone = text, firstName = text, lastName = text, designation = designation,
            isDepartmentHead = bool, department = department, location = location, securityGroup = security_group,
            reportsTo = reports_to, skill = texts, defaultVisibility = visibility, addAdditionalTeams = add_teams,
            addAdditionalLocations = add_locations,
          },
          rules = { { need = { "email" }, note = "WD-15" } },
          unique = { "email" }, side_effects = { "email" },
          confirm = "An onboarding mail goes to a person for each (WD-16)",
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-12", "WD-14", "WD-15", "WD-16", "WD-46" },
        },
        update = {
          id = "users_update", method = "PATCH", path = "/api/users/{id}", effect = "update",
          summary = "Change a person; status ARCHIVE is the gentle way to take somebody out",
          params = { user_id },
          fields = {
            firstName = text, lastName = text, phone = text, isExpert = bool, bio = text, designation = designation,
            status = { type = "string", enum = { "ACTIVE", "ARCHIVE", "PRE_INVITED", "INVITED", "BLOCKED" } },
            availability = { type = "string", enum = { "ACTIVE", "AWAY" }, shows = false }, -- read as a number
            fileId = { type = "string", format = "uuid", summary = "media id of the picture" },
            coverFileId = { type = "string", format = "uuid", summary = "media id of the cover picture" },
            reportsTo = reports_to, isDepartmentHead = bool,
            department = { type = "string", summary = "id of the department, not its name" },
            location = location, addAdditionalTeams = add_teams,
            removeAdditionalTeams = { type = "list", items = uuid, shows = false, summary = "supervisors to leave" },
            addAdditionalLocations = add_locations,
          },
          moves = { list = "userAdditionalTeams", add = "addAdditionalTeams", remove = "removeAdditionalTeams" },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-12", "WD-13", "WD-14", "WD-46" },
        },
        delete = {
          id = "users_delete", method = "DELETE", path = "/api/users/{id}", effect = "delete",
          summary = "Delete a person, for good; who inherits the data is not documented",
          params = { user_id },
          query = { bulk = { type = "boolean", summary = "let the offboarding settings choose who inherits" } },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-15", "WD-17", "WD-46" },
        },
        bulk_create = {
          id = "users_bulk_create", method = "POST", path = "/api/users/bulk-create", effect = "create",
          strategy = "bulk",
          summary = "Create several people in one call; sends a mail for each",
          body = "list", wrap = "data", member = "email",
          items = {
            type = "object",
            fields = {
              email = { type = "string", format = "email", required = true }, phone = text, firstName = text,
              lastName = text, designation = designation, isDepartmentHead = bool, department = department,
              location = location, securityGroup = security_group, reportsTo = reports_to, skill = texts,
              defaultVisibility = visibility, addAdditionalTeams = add_teams,
              addAdditionalLocations = add_locations, externalUserId = text,
            },
          },
          unique = { "email" }, side_effects = { "email" },
          confirm = "An onboarding mail goes to a person for each (WD-16)",
          answer = "list", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-12", "WD-14", "WD-15", "WD-16", "WD-46" },
        },
        bulk_delete = {
          id = "users_bulk_delete", method = "DELETE", path = "/api/users/bulk-delete", effect = "delete",
          strategy = "bulk",
          summary = "Delete several people in one call; for a few, delete is the safe way",
          body = "list", wrap = "id", member = "$", items = text,
          answer = "none", read = "list", finish = "done", once = true, irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-17", "WD-46" },
        },
      },
    },

    organizations = {
      title = "Organizations", key = "id", label = "name", record = "Organization",
      operations = {
        create = {
          id = "organizations_create", method = "POST", path = "/api/organization", effect = "create",
          summary = "Create an organization; its access token is in the answer and nowhere else",
          fields = {
            name = text,
            admin = { type = "object", fields = { firstName = text, lastName = text, email = address } },
            auth = {
              type = "object",
              fields = { method = { type = "string", enum = { "internal", "ldap" } } },
            },
          },
          answer = "object", finish = "done", once = true, admin = "super admin",
          irreversible = "there is no call that deletes an organization",
          success = ok, errors = failures, notes = { "WD-18", "WD-46" },
        },
        update = {
          id = "organizations_update", method = "PATCH", path = "/api/organization/{id}", effect = "update",
          summary = "Change an organization; only the answer shows it, so there is no way back",
          params = { organization_id },
          fields = {
            fileId = { type = "string", format = "uuid", summary = "media id of the picture" },
            name = text, legalName = text, websites = texts, address = organization_address, email = address,
            phone = text, description = text, industry = { type = "string", null = true },
          },
          answer = "object", finish = "done", admin = "organization creator",
          irreversible = "no call reads an organization, so what it was before is not known (WD-46)",
          success = ok, errors = failures, notes = { "WD-18", "WD-46" },
        },
      },
    },

    tokens = {
      title = "Access tokens", key = "userId", record = "Token",
      operations = {
        generate = {
          id = "tokens_generate", method = "POST", path = "/api/token/generate-access", effect = "create",
          summary = "Issue a token for a person; the one in use may end, also your own",
          params = {
            { name = "userId", ["in"] = "body", type = "string", format = "uuid", summary = "the person's id" },
          },
          confirm = "The token in use may end at once, also your own (WD-19)",
          answer = "object", finish = "done", once = true, admin = "organization creator",
          irreversible = "the token before is not known",
          success = ok, errors = failures, notes = { "WD-19" },
        },
      },
    },

    departments = {
      title = "Departments", key = "id", natural_key = "name", label = "name", record = "Department",
      operations = {
        list = {
          id = "departments_list", method = "GET", path = "/api/departments", effect = "read",
          summary = "List departments with their heads",
          query = page_query,
          pages = { style = "page", items = { "departments" } },
          success = ok, errors = failures, notes = PAGED,
        },
        list_members = {
          id = "departments_list_members", method = "GET", path = "/api/departments/{id}/members", effect = "read",
          summary = "List the people of a department",
          params = { department_id },
          pages = { style = "none", items = { "members" } }, record = "UserRef",
          success = ok, errors = failures, notes = { "WD-39" },
        },
        create = {
          id = "departments_create", method = "POST", path = "/api/departments", effect = "create",
          summary = "Create a department; it needs at least one head",
          fields = {
            name = text,
            members = {
              type = "list", shows = false,
              items = {
                type = "object",
                fields = {
                  id = department_member.fields.id, existingDept = department_member.fields.existingDept,
                  isDepartmentHead = bool,
                },
              },
            },
          },
          rules = { { need = { "name" }, note = "WD-38" } },
          confirm = "Members may leave the department that they are in (WD-38)",
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-38", "WD-41", "WD-46" },
        },
        update = {
          id = "departments_update", method = "PATCH", path = "/api/departments/{id}", effect = "update",
          summary = "Rename a department",
          params = { department_id },
          fields = name_only,
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-40", "WD-46" },
        },
        update_heads = {
          id = "departments_update_heads", method = "PATCH", path = "/api/departments/{id}/admin", effect = "update",
          strategy = "members",
          summary = "Add heads to a department, or take one off; the last one stays",
          params = { department_id },
          fields = {
            remove = { type = "string", format = "uuid", summary = "one person to take off" },
            add = { type = "list", items = department_member, summary = "people to add" },
          },
          moves = { list = "admins", add = "add", remove = "remove", keep = 1 },
          answer = "object", read = "list", inverse = "update_heads", finish = "done",
          success = ok, errors = failures, notes = { "WD-38", "WD-46" },
        },
        update_members = {
          id = "departments_update_members", method = "POST", path = "/api/departments/{id}/members",
          effect = "update", strategy = "members",
          summary = "Add people to a department and take others out",
          params = { department_id },
          fields = {
            addMembers = { type = "list", items = department_member },
            removeMembers = { type = "list", items = uuid, summary = "ids of users" },
          },
          moves = { list = "members", add = "addMembers", remove = "removeMembers" },
          confirm = "People who are added may leave the department that they are in (WD-38)",
          answer = "object", read = "list_members", inverse = "update_members", finish = "done",
          success = ok, errors = failures, notes = { "WD-38", "WD-46" },
        },
        delete = {
          id = "departments_delete", method = "DELETE", path = "/api/departments/{id}", effect = "delete",
          summary = "Delete a department, for good",
          params = { department_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    locations = {
      title = "Locations", key = "id", natural_key = "name", label = "name", record = "Location",
      operations = {
        list = {
          id = "locations_list", method = "GET", path = "/api/locations", effect = "read",
          summary = "List locations",
          query = page_query,
          pages = { style = "page", items = { "locations" } },
          success = ok, errors = failures, notes = PAGED,
        },
        list_members = {
          id = "locations_list_members", method = "GET", path = "/api/locations/{id}/members", effect = "read",
          summary = "List the people of a location",
          params = { location_id },
          pages = { style = "none", items = { "members" } }, record = "UserRef",
          success = ok, errors = failures, notes = { "WD-42" },
        },
        create = {
          id = "locations_create", method = "POST", path = "/api/locations", effect = "create",
          summary = "Create a location; the answer has no id, so it is looked for in the list",
          fields = { name = { type = "string", summary = "the only member that is sent" } },
          rules = { { need = { "name" }, note = "WD-41" } },
          answer = "echo", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-38", "WD-41", "WD-46" },
        },
        update = {
          id = "locations_update", method = "PATCH", path = "/api/locations/{id}", effect = "update",
          summary = "Rename a location",
          params = { location_id },
          fields = name_only,
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-40", "WD-46" },
        },
        update_members = {
          id = "locations_update_members", method = "POST", path = "/api/locations/{id}/members", effect = "update",
          strategy = "members",
          summary = "Add people to a location and take others out",
          params = { location_id },
          fields = {
            addMembers = { type = "list", items = uuid, summary = "ids of users" },
            removeMembers = { type = "list", items = uuid, summary = "ids of users" },
          },
          moves = { list = "members", add = "addMembers", remove = "removeMembers" },
          answer = "object", read = "list_members", inverse = "update_members", finish = "done",
          success = ok, errors = failures, notes = { "WD-42", "WD-46" },
        },
        delete = {
          id = "locations_delete", method = "DELETE", path = "/api/locations/{id}", effect = "delete",
          summary = "Delete a location, for good",
          params = { location_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    security_groups = {
      title = "Security groups", key = "id", label = "name", record = "SecurityGroup",
      operations = {
        list = {
          id = "security_groups_list", method = "GET", path = "/api/security_groups", effect = "read",
          summary = "List security groups with the number of their members",
          query = page_query,
          pages = { style = "page", items = { "groups" } },
          success = ok, errors = failures, notes = PAGED,
        },
        add_members = {
          id = "security_groups_add_members", method = "POST", path = "/api/security_groups/{groupId}/members",
          effect = "update", strategy = "members",
          summary = "Add people to a security group; only the number of members shows it",
          params = { group_id },
          fields = group_members,
          moves = { count = "memberCount", add = "ids" },
          answer = "none", read = "list", inverse = "remove_members", finish = "done",
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-43", "WD-46" },
        },
        remove_members = {
          id = "security_groups_remove_members", method = "DELETE", path = "/api/security_groups/{groupId}/members",
          effect = "delete", strategy = "members",
          summary = "Take people out of a security group; only the number of members shows it",
          params = { group_id },
          fields = group_members,
          moves = { count = "memberCount", remove = "ids" },
          answer = "none", read = "list", inverse = "add_members", finish = "done",
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-43", "WD-46" },
        },
      },
    },

    sso = {
      title = "Sign-in links", key = "id", label = "id", record = "Sso",
      operations = {
        list = {
          id = "sso_list", method = "GET", path = "/api/sso", effect = "read",
          summary = "List sign-in entries: your own, or those that one filter names",
          query = {
            manage = { type = "boolean", enum = { true }, summary = "entries of admins; false is never sent" },
            location = { type = "string", format = "uuid", summary = "entries of this location" },
            department = { type = "string", format = "uuid", summary = "entries of this department" },
          },
          rules = { { at_most_one = { "manage", "location", "department" }, note = "WD-44" } },
          pages = { style = "none", items = { "$" } },
          success = ok, errors = failures, notes = { "WD-44" },
        },
        create = {
          id = "sso_create", method = "POST", path = "/api/sso", effect = "create",
          summary = "Create a sign-in entry; no call changes or deletes it",
          query = { manage = { type = "boolean", enum = { true }, summary = "an entry of admins" } },
          fields = {
            type = { type = "string", enum = { "QUICK_LINK", "SSO" } },
            name = { type = "string", shows = false },
            authorizationURI = text, tokenURI = { type = "string", format = "uri" },
            refreshURI = { type = "string", format = "uri" }, loginURL = text,
            order = { type = "number", summary = "position" },
            fileId = { type = "string", format = "uuid", summary = "media id of the image" },
            departmentId = uuid, locationId = uuid, link = { type = "string", format = "uri" },
          },
          rules = {
            { when = { type = "SSO" }, need = { "authorizationURI", "tokenURI", "refreshURI", "loginURL" } },
            { when = { type = "QUICK_LINK" }, need = { "link" } },
            { when = { manage = true }, refuse = { "departmentId", "locationId" }, note = "WD-44" },
          },
          answer = "object", read = "list", finish = "done", once = true,
          irreversible = "no call deletes a sign-in entry (WD-44)",
          success = ok, errors = failures, notes = { "WD-44", "WD-46" },
        },
      },
    },
  },
}
