-- SPDX-License-Identifier: MIT
-- WorkDrive as data: what holds for the whole service.
--
-- Pure data, as in screendesk.lua; docs/catalogue.md explains every key. The service is
-- too large for one file: `parts` names those with its resources, workdrive/people.lua,
-- workdrive/content.lua and workdrive/work.lua. catalogue.load joins them.
--
--   local catalogue = require("moonlever.catalogue").load("workdrive")
--   print(catalogue.resources.group_chats.operations.list.path)
--
-- Ids such as WD-26 name the ambiguities of the service's own documentation; `notes` says
-- in one sentence what is done about each. What is unusual about this service, and the
-- keys that say so:
--   * no operation reads a single object: `read` names a list, or another operation that
--     shows the object, and where nothing does it is left out (WD-46)
--   * some bodies add and remove members of a list: `moves`
--   * nothing that creates, sends or goes to many is ever repeated: `once`
--   * three GETs have effects (`effect` says so, the method does not); the two that reach
--     people have to be switched on by a script: `switch`
--   * posts, news and events are walked by time: `pages.style = "time_cursor"`

local text = { type = "string" }
local any = { type = "any" }

return {
  format = 1,
  name = "workdrive",
  title = "WorkDrive",
  env = { url = "WORKDRIVE_URL", method = "WORKDRIVE_SEND_METHOD" }, -- no host is documented (WD-01)
  credentials = {
    default = {
      env = "WORKDRIVE_API_KEY", header = "X-API-KEY", prefix = "",
      source = "profile picture, Manage, the menu of a user's row, Api Access",
    },
  },
  concurrency = 4,   -- no limits are documented (WD-50)
  retries = "reads", -- nothing else is sent again unseen (WD-50)
  parts = { "people", "content", "work" },

  hints = {
    [403] = "this needs an administrator's key",
    [503] = "the service is closed for maintenance: run it again later",
  },

  -- What all lists of a style have in common; catalogue.load adds it to their `pages`.
  paging = {
    page = {
      param = "cur_page", first = 1, size_param = "per_page", want = 100, loose = true,
      page = "meta.curPage", size = "meta.perPage", next = "meta.nextPage", last = "meta.totalPages",
      total = "meta.totalResults",
    },
    time_cursor = { param = "time", size_param = "per_page", want = 100, total = "meta.totalResults" },
  },

  -- Shapes that several parts use.
  shapes = {
    -- A person as other objects show them (WD-49).
    UserRef = {
      fields = {
        id = text, firstName = text, lastName = text, phone = text, email = { type = "string", format = "email" },
        status = text, picture = any, cover = any, color = text, online = { type = "boolean" },
        availability = { type = "integer" }, availabilityStatusText = text, designation = any, department = any,
        departmentData = any, locationId = any, externalUserId = text,
      },
    },
    -- A stored file. `processing` and `metadata` have no known form.
    File = {
      fields = {
        id = text, mime = text, path = text, name = text, processing = any, metadata = any,
        size = { type = "integer" }, url = text, cdn = text, bucket = text,
        mp4Urls = { type = "list", items = text }, hlsUrl = text, dashUrl = text, thumbnail = text,
        isImage = { type = "boolean" }, isVideo = { type = "boolean" }, isDoc = { type = "boolean" },
        createdAt = { type = "string", format = "date-time" },
        owner = { type = "object", null = true, shape = "UserRef" },
      },
    },
  },

  resources = {}, -- all are in the parts

  notes = {
    ["WD-01"] = "The address is a setting without a default, and https unless it is loopback.",
    ["WD-02"] = "Any status from 200 to 299 is a success, with or without a body; error bodies are kept as short text.",
    ["WD-03"] = "Only documented members are demanded; the rest is left to the service.",
    ["WD-04"] = "Parameters of lists go into the query string.",
    ["WD-05"] = "time is always sent, in UTC; posts and news are walked back by postedAt, events in windows of dates.",
    ["WD-06"] = "A walk by time sorts by a; b and c are refused there.",
    ["WD-07"] = "The id takes the place of the bare word; the word itself and empty ids are refused.",
    ["WD-08"] = "permissions go with every create, as an object with exactly one of the four flags true.",
    ["WD-09"] = "tags, mention and links are sent as lists; a script that gives a text has it sent as text.",
    ["WD-10"] = "A new post has status PUBLISHED and tags, needs text or media, and carries no member of news.",
    ["WD-11"] = "One object is accepted where a list is documented, and the other way round.",
    ["WD-12"] = "picture and availability are kept as they come; a write is not compared with them.",
    ["WD-13"] = "Departments are named by id; status takes the five listed values.",
    ["WD-14"] = "Additional locations are sent only where they are given; they cannot be taken back.",
    ["WD-15"] = "The flag bulk is sent only where it is given; after bulk calls people are looked up by address.",
    ["WD-16"] = "Creating people asks first, since it mails real people.",
    ["WD-17"] = "People are deleted one by one or as a list that is never empty; status ARCHIVE is the gentler way.",
    ["WD-18"] = "authMethod is read as text or list; the access token in the answer is kept out of all output.",
    ["WD-19"] = "Issuing a token asks first and hands its answer out before anything else; it is never repeated.",
    ["WD-20"] = "Event bodies use the spelling of the samples; type is passed on as it is given.",
    ["WD-21"] = "An event that repeats is changed or deleted only where the script gives the raw value of repeat.",
    ["WD-22"] = "include_recent_rsvps is passed on where it is given.",
    ["WD-23"] = "source is sent with every new video; meta is passed on as it is.",
    ["WD-24"] = "The photo filter takes its words.",
    ["WD-25"] = "A new document is found in the list by name and category, the newest first; two matches are an error.",
    ["WD-26"] = "Documents are changed under /api/documents/{id}; permissions stand in both places or in neither.",
    ["WD-27"] = "Documents are deleted under /api/documents/{id}, never at the collection.",
    ["WD-28"] = "A FAQ entry is named by an id known from elsewhere, never by a record; deletes ask first.",
    ["WD-29"] = "Courses are read at /api/courses, else at the printed path, and only if taskLists is there.",
    ["WD-30"] = "The direction of sorting is always sent.",
    ["WD-31"] = "Notifications are off until a script switches them on; they are sent once, without redirects.",
    ["WD-32"] = "Module codes are read when they are needed.",
    ["WD-33"] = "Only drafts are changed and only published tasks assigned; both forms of members are read.",
    ["WD-34"] = "Group chats are deleted one at a time with a single id.",
    ["WD-35"] = "Messages are off until a script switches them on; the conversation's id must be a UUID.",
    ["WD-36"] = "The conversation meeting is never sent; events:create does the same.",
    ["WD-37"] = "Plain members of a group chat cannot be changed.",
    ["WD-38"] = "The spelling of the samples is sent; members and heads are read afterwards, and the last head stays.",
    ["WD-39"] = "Listing members sends nothing and expects the whole list.",
    ["WD-40"] = "A rename sends the name only.",
    ["WD-41"] = "Locations are created under /api/locations with the name only, never as printed.",
    ["WD-42"] = "Members of a location are named by the location's id and plain ids of users.",
    ["WD-43"] = "The stray brace is dropped, the list of ids is never empty, and the number of members is compared.",
    ["WD-44"] = "One filter a call; manage is true or left out, and then no department or location goes with it.",
    ["WD-45"] = "An upload is public and asked about; all fields are copied, the file goes last, no key goes along.",
    ["WD-46"] = "Writes are checked through the list, since no single object can be read.",
    ["WD-47"] = "A list ends at a next page that is missing, null, 0 or not above it, at the last or an empty page.",
    ["WD-48"] = "Pages of 100 are asked for; fewer are accepted.",
    ["WD-49"] = "Members of people without a known type are kept as they come.",
    ["WD-50"] = "Few requests at a time; a write is sent again only where it was seen not to be applied.",
    ["WD-51"] = "Posts are filtered here, since the service has no parameter for it.",
  },
}
