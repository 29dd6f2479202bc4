-- SPDX-License-Identifier: MIT
-- WorkDrive, part: posts, news, events, videos, photos, documents, FAQs and media.
-- See ../workdrive.lua for what holds for the whole service.

local text = { type = "string" }
local bool = { type = "boolean" }
local count = { type = "integer" }
local any = { type = "any" }
local timestamp = { type = "string", format = "date-time" }
local texts = { type = "list", items = text }
local anything = { type = "list", items = any }
local uuid = { type = "string", format = "uuid" }
local uuids = { type = "list", items = uuid }
local link = { type = "string", format = "uri" }
local user_ref = { type = "object", null = true, shape = "UserRef" }
local user_refs = { type = "list", items = user_ref }
local file = { type = "object", null = true, shape = "File" }

local ok = { 200 }
local failures = { 400, 401, 403, 404, 500, 503 }
local NO_WAY_BACK = "no call brings it back; what was known of it is in the journal"
local PAGED = { "WD-04", "WD-46", "WD-47", "WD-48" }
local BARE_ID = { "id" } -- the word is never sent as an id (WD-07)

local page_number = { type = "integer", min = 1, summary = "start with this page (1-based)" }
local page_size = { type = "integer", min = 1, summary = "items a page; 100 unless given" }
local up_to = {
  type = "string", format = "date-time", required = true, default = "now", summary = "up to this moment, in UTC",
}
local sort_key = {
  type = "string", enum = { "a", "b", "c" }, summary = "a newest first, b by reactions, c by comments",
}
local publish = { type = "boolean", summary = "publish it as well" }
local repeats = { type = "string", summary = "the raw value that says which events of a series; not documented" }

local post_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the post's id" }
local news_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the id of the piece of news" }
local event_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the event's id" }
local video_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the video's id" }
local photo_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the photo's id" }
local document_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the document's id" }
local entry_id = {
  name = "id", type = "string", refuse = BARE_ID, record = false,
  summary = "the kbId of the entry, known from elsewhere; the list shows ids of single questions",
}

-- Who sees an item. It goes with every create, so that nothing becomes public by default (WD-08).
local permissions = {
  type = "object", one_true = { "public", "friends", "onlyMe", "team" }, summary = "exactly one of the four flags",
  fields = {
    users = uuids, groups = uuids, locations = uuids, taggedUsers = uuids,
    public = bool, friends = bool, onlyMe = bool, team = bool,
  },
}
local with_permissions = { need = { "permissions" }, note = "WD-08" }

-- Lists that the samples show as a text (WD-09).
local tags = { type = "list", items = text, or_type = "string" }
local mention = { type = "list", items = uuid, or_type = "string", shows = false, summary = "ids of users" }
local news_links = { type = "list", items = text, or_type = "string" }
local place = { type = "object", fields = { textAddress = text, coordinates = any } }
local file_ids = { type = "list", items = uuid, summary = "media ids" }
local tagged = { type = "list", items = uuid, summary = "ids of users" }

local post_fields = {
  permissions = permissions, postText = text, status = { type = "string", enum = { "PUBLISHED" } }, tags = tags,
  mention = mention, fileIds = file_ids, taggedUserIds = tagged, gif = link, links = texts, location = place,
}
local news_fields = {
  permissions = permissions, tags = tags, mention = mention, fileIds = file_ids, taggedUserIds = tagged, gif = link,
  links = news_links, newsTitle = text, category = { type = "string", summary = "name of the category" },
  coverImage = { type = "string", format = "uuid", shows = false, summary = "media id" }, location = place,
}
local external_links = { type = "list", items = { type = "object", fields = { title = text, url = text } } }
-- Spelled as in the samples (WD-20).
local event_fields = {
  permissions = permissions, title = text, description = text, externalLink = external_links,
  userIds = { type = "list", items = uuid, summary = "who is invited to a meeting" },
  conferenceLink = link, location = { type = "string", summary = "link to a map" },
  startDateTime = timestamp, endDateTime = timestamp,
  posterId = { type = "string", format = "uuid", summary = "media id" }, conversationId = text, isVirtual = bool,
  tags = texts, category = { type = "string", summary = "name of the category" },
  type = {
    type = "string", or_type = "integer", known = { "POST", "LIVESTREAM", "EVENT", "FAQ", "COURSE" }, shows = false,
    summary = "passed on as it is given",
  },
  externalUserEmails = { type = "list", items = text, summary = "addresses invited to a meeting" },
  isMeeting = bool, duration = count,
  ["repeat"] = {
    type = "object",
    fields = {
      config = {
        type = "object",
        fields = {
          type = { type = "string", known = { "frequency" } },
          frequency = { type = "integer", or_type = "string", known = { 86400, 604800, 1209600, "monthly" } },
          ends = {
            type = "object",
            fields = {
              config = {
                type = "object",
                fields = { type = { type = "string", known = { "on" } }, date = { type = "string", format = "date" } },
              },
            },
          },
        },
      },
    },
  },
  videoPreviewIds = texts,
}
-- A series may go as a whole (WD-21).
local single_event = {
  { unset = { "repeatId", "repeatConfig" }, unless_query = "repeat",
    why = "it repeats: give query = { [\"repeat\"] = … } with the value that your WorkDrive takes" },
}
local linked = { type = "list", items = { type = "object", shape = "LinkPreview" }, or_type = "object" }
local files = { type = "list", items = file, or_type = "object" }
local question = {
  type = "object",
  fields = {
    question = { type = "string", required = true }, answer = { type = "string", required = true }, description = text,
  },
}

return {
  format = 1,
  name = "workdrive",

  shapes = {
    LinkPreview = { fields = { title = text, description = text, image = text, link = text } },
    Post = {
      fields = {
        id = text, postText = text, postedAt = timestamp, commentsCount = count, user = user_ref, files = files,
        linkPreviews = linked, tags = texts, reactions = anything, mentions = user_refs, taggedUsers = user_refs,
        gif = text, links = texts, reactionUsers = user_refs, location = place,
      },
    },
    News = {
      fields = {
        id = text, postedAt = timestamp, commentsCount = count, user = user_ref, files = files, linkPreviews = linked,
        tags = texts, reactions = anything, mentions = user_refs, taggedUsers = user_refs, gif = text, links = texts,
        newsTitle = text, reactionUsers = user_refs, category = text, coverImage = file, location = place,
      },
    },
    Event = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, title = text,
        description = text, externalLink = external_links, isExternalEvent = bool, conferenceLink = text,
        location = text, startDateTime = timestamp, endDateTime = timestamp, isVirtual = bool, eventSource = text,
        poster = any, going = count, myRsvp = text, myCheckin = timestamp, comments = count, tags = texts,
        reactions = texts, type = any, category = any, rsvpUsers = { type = "list", items = { type = "object" } },
        creator = user_ref, externalAttendees = texts, repeatConfig = { type = "object" }, repeatId = any,
        livestream = {
          type = "object", null = true,
          fields = {
            id = text, title = any, startedAt = timestamp, endedAt = timestamp, status = text, userId = text,
            token = { type = "any", secret = true }, publicToken = { type = "string", secret = true },
          },
        },
      },
    },
    Video = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, title = text,
        description = text, source = count, videoFileId = text, user = user_ref, thumbnailFileId = text, meta = any,
      },
    },
    Photo = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, title = text,
        description = text, photo = any, user = user_ref,
      },
    },
    Document = {
      fields = {
        id = text, name = any, metadata = any, isPublished = bool, updatedAt = timestamp, expiry = timestamp,
        file = file, tags = texts, category = text, owners = user_refs, bookmarkId = any, linkPreview = linked,
      },
    },
    -- One question; the entry that it belongs to is not shown (WD-28).
    Faq = {
      fields = {
        id = text, question = text, answer = text, description = text, category = text,
        tags = { type = "string", or_type = "list" }, owners = uuids, bookmarkId = any,
      },
    },
    -- What an upload needs; the fields hold a signature.
    SignedUpload = {
      fields = {
        fileId = uuid, url = text,
        signedRequest = { type = "object", fields = { url = text, fields = { type = "object", secret = true } } },
      },
    },
  },

  resources = {
    posts = {
      title = "Posts", key = "id", label = "postText", record = "Post",
      operations = {
        list = {
          id = "posts_list", method = "GET", path = "/api/posts", effect = "read",
          summary = "List posts, the newest first; there is no filter by type",
          query = { time = up_to, per_page = page_size, sort_key = sort_key },
          pages = { style = "time_cursor", items = { "posts" }, cursor = "postedAt", walk = { sort_key = "a" } },
          success = ok, errors = failures, notes = { "WD-05", "WD-06", "WD-11", "WD-48", "WD-51" },
        },
        create = {
          id = "posts_create", method = "POST", path = "/api/posts", effect = "create",
          summary = "Publish a post; it needs text or media",
          fields = {
            permissions = permissions, postText = text, mention = mention, fileIds = file_ids, gif = link,
            status = { type = "string", enum = { "PUBLISHED" }, required = true },
            tags = { type = "list", items = text, or_type = "string", required = true },
            taggedUserIds = tagged, links = texts, location = place,
          },
          defaults = { status = "PUBLISHED", tags = {} },
          rules = { with_permissions, { some_of = { "postText", "fileIds", "gif", "links" }, note = "WD-10" } },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-08", "WD-09", "WD-10", "WD-11", "WD-46" },
        },
        update = {
          id = "posts_update", method = "PATCH", path = "/api/posts/{id}", effect = "update",
          summary = "Change a post",
          params = { post_id },
          fields = post_fields,
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-07", "WD-08", "WD-09", "WD-10", "WD-11", "WD-46" },
        },
        delete = {
          id = "posts_delete", method = "DELETE", path = "/api/posts/{id}", effect = "delete",
          summary = "Delete a post, for good",
          params = { post_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-07", "WD-46" },
        },
      },
    },

    news = {
      title = "News", key = "id", label = "newsTitle", record = "News",
      operations = {
        list = {
          id = "news_list", method = "GET", path = "/api/news", effect = "read",
          summary = "List news, the newest first",
          query = { time = up_to, per_page = page_size, sort_key = sort_key },
          pages = { style = "time_cursor", items = { "news" }, cursor = "postedAt", walk = { sort_key = "a" } },
          success = ok, errors = failures, notes = { "WD-05", "WD-06", "WD-11", "WD-48" },
        },
        create = {
          id = "news_create", method = "POST", path = "/api/news", effect = "create",
          summary = "Publish a piece of news",
          fields = news_fields,
          rules = { with_permissions },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-09", "WD-11", "WD-46" },
        },
        update = {
          id = "news_update", method = "PATCH", path = "/api/news/{id}", effect = "update",
          summary = "Change a piece of news",
          params = { news_id },
          fields = news_fields,
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-07", "WD-08", "WD-09", "WD-11", "WD-46" },
        },
        delete = {
          id = "news_delete", method = "DELETE", path = "/api/news/{id}", effect = "delete",
          summary = "Delete a piece of news, for good",
          params = { news_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-07", "WD-46" },
        },
      },
    },

    events = {
      title = "Events", key = "id", label = "title", record = "Event",
      operations = {
        list = {
          id = "events_list", method = "GET", path = "/api/events", effect = "read",
          summary = "List events between fromDate and toDate",
          query = {
            time = up_to, per_page = page_size,
            externalEvents = { type = "boolean", summary = "from Google or Outlook calendars" },
            filter = { type = "string", enum = { "POST", "LIVESTREAM", "EVENT", "FAQ", "COURSE" } },
            category = { type = "string", summary = "name of the category" },
            onlyPast = bool, include_happening_now = bool, onlyMeeting = bool, onlyGoing = bool,
            include_recent_rsvps = { type = "boolean", summary = "known from a sample only" },
            fromDate = { type = "string", summary = "starting from this moment, such as 2025-01-20T00:00:00" },
            toDate = { type = "string", summary = "ending up to this moment" },
          },
          pages = {
            style = "time_cursor", items = { "events" }, window = { from = "fromDate", to = "toDate" },
          },
          success = ok, errors = failures, notes = { "WD-05", "WD-11", "WD-22", "WD-48" },
        },
        create = {
          id = "events_create", method = "POST", path = "/api/events/meeting", effect = "create",
          summary = "Create an event of any kind, meetings included; invites people",
          fields = event_fields,
          rules = { with_permissions },
          confirm = "People who are invited may be told at once",
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-20", "WD-46" },
        },
        update = {
          id = "events_update", method = "PATCH", path = "/api/events/{id}", effect = "update",
          summary = "Change an event; one that repeats needs the raw value of repeat",
          params = { event_id },
          query = { ["repeat"] = repeats },
          fields = event_fields,
          only_if = single_event,
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-08", "WD-20", "WD-21", "WD-46" },
        },
        delete = {
          id = "events_delete", method = "DELETE", path = "/api/events/{id}", effect = "delete",
          summary = "Delete an event, for good; one that repeats needs the raw value of repeat",
          params = { event_id },
          query = { ["repeat"] = repeats },
          only_if = single_event,
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-21", "WD-46" },
        },
      },
    },

    videos = {
      title = "Videos", key = "id", label = "title", record = "Video",
      operations = {
        list = {
          id = "videos_list", method = "GET", path = "/api/videos", effect = "read",
          summary = "List videos",
          query = {
            cur_page = page_number, per_page = page_size,
            isFollowing = { type = "boolean", summary = "of people whom you follow" },
            userId = { type = "string", summary = "uploaded by this person" },
            search = { type = "string", summary = "words in title or description" },
          },
          pages = { style = "page", items = { "videos" } },
          success = ok, errors = failures, notes = PAGED,
        },
        create = {
          id = "videos_create", method = "POST", path = "/api/videos", effect = "create",
          summary = "Add a video",
          fields = {
            title = text, description = text,
            videoFileId = { type = "string", format = "uuid", summary = "media id of the video" },
            thumbnailFileId = { type = "string", format = "uuid", summary = "media id of the picture" },
            meta = { type = "any", summary = "address of media elsewhere; passed on as it is" },
            source = { type = "integer", enum = { 1, 2, 3, 4 }, summary = "1 YouTube, 2 Vimeo, 3 custom, 4 recording" },
            permissions = permissions,
          },
          rules = { with_permissions, { need = { "source" }, note = "WD-23" } },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-23", "WD-46" },
        },
        update = {
          id = "videos_update", method = "PATCH", path = "/api/videos/{id}", effect = "update",
          summary = "Change a video's text, picture or permissions",
          params = { video_id },
          fields = { title = text, description = text, thumbnailFileId = uuid, permissions = permissions },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-08", "WD-46" },
        },
        delete = {
          id = "videos_delete", method = "DELETE", path = "/api/videos/{id}", effect = "delete",
          summary = "Delete a video, for good",
          params = { video_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    photos = {
      title = "Photos", key = "id", label = "title", record = "Photo",
      operations = {
        list = {
          id = "photos_list", method = "GET", path = "/api/photos", effect = "read",
          summary = "List photos",
          query = {
            cur_page = page_number, per_page = page_size,
            filter = {
              type = "string",
              enum = { "all_photos", "friends_photos", "only_me_photos", "tagged_photos", "team_photos" },
            },
            userId = { type = "string", summary = "uploaded by this person" },
          },
          pages = { style = "page", items = { "photos" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-24", "WD-46", "WD-47", "WD-48" },
        },
        create = {
          id = "photos_create", method = "POST", path = "/api/photos", effect = "create",
          summary = "Add a photo",
          fields = {
            title = text, description = text,
            fileId = { type = "string", format = "uuid", summary = "media id of the photo" },
            permissions = permissions,
          },
          rules = { with_permissions },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-46" },
        },
        update = {
          id = "photos_update", method = "PATCH", path = "/api/photos/{id}", effect = "update",
          summary = "Change a photo's title or description",
          params = { photo_id },
          fields = { title = text, description = text },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-46" },
        },
        delete = {
          id = "photos_delete", method = "DELETE", path = "/api/photos/{id}", effect = "delete",
          summary = "Delete a photo, for good",
          params = { photo_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    documents = {
      title = "Documents", key = "id", label = "name", record = "Document",
      natural_key = { "name", "category" }, newest = "updatedAt",
      operations = {
        list = {
          id = "documents_list", method = "GET", path = "/api/documents", effect = "read",
          summary = "List documents",
          query = {
            cur_page = page_number, per_page = page_size,
            category = { type = "string", summary = "name of the category" },
          },
          pages = { style = "page", items = { "docs" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-11", "WD-46", "WD-47", "WD-48" },
        },
        create = {
          id = "documents_create", method = "POST", path = "/api/documents", effect = "create",
          summary = "Add a document; the answer has no id, so it is looked for in the list",
          query = { publish = publish },
          fields = {
            name = text, ownerIds = { type = "list", items = text, summary = "ids of users" }, expiry = timestamp,
            tags = texts, category = { type = "string", summary = "name of a category, old or new" }, docUrl = link,
            link = link, docId = { type = "string", format = "uuid", summary = "media id of the file" },
            permissions = permissions,
          },
          rules = { with_permissions, { need = { "name", "category" }, note = "WD-25" } },
          answer = "echo", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-25", "WD-46" },
        },
        update = {
          id = "documents_update", method = "PATCH", path = "/api/documents/{id}", effect = "update",
          summary = "Change a document; what kb holds stands at the top of a record",
          params = { document_id },
          query = { publish = publish },
          fields = {
            docId = { type = "string", format = "uuid", summary = "media id of the file" }, docUrl = link,
            kb = {
              type = "object", shows = "$",
              fields = {
                name = text, newOwnerIds = { type = "list", items = text, shows = false },
                removeOwnerIds = { type = "list", items = text, shows = false }, expiry = timestamp, tags = texts,
                category = text, link = text, isPublished = bool, permissions = permissions,
              },
            },
            permissions = permissions,
          },
          same = { "permissions", "kb.permissions" },
          moves = { list = "owners", add = "kb.newOwnerIds", remove = "kb.removeOwnerIds" },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-08", "WD-25", "WD-26", "WD-46" },
        },
        delete = {
          id = "documents_delete", method = "DELETE", path = "/api/documents/{id}", effect = "delete",
          summary = "Delete a document, for good",
          params = { document_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-27", "WD-46" },
        },
      },
    },

    faqs = {
      title = "FAQs", key = "id", label = "question", record = "Faq",
      operations = {
        list = {
          id = "faqs_list", method = "GET", path = "/api/faqs", effect = "read",
          summary = "List questions; the entries that hold them are not shown",
          query = {
            cur_page = page_number, per_page = page_size,
            category = { type = "string", summary = "name of the category" },
          },
          pages = { style = "page", items = { "data" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-28", "WD-46", "WD-47", "WD-48" },
        },
        create = {
          id = "faqs_create", method = "POST", path = "/api/faqs", effect = "create",
          summary = "Add an entry with its questions; its id is not told",
          query = { publish = publish },
          fields = {
            kb = {
              type = "object",
              fields = { name = text, ownerIds = uuids, expiry = timestamp, tags = texts, category = text },
            },
            qas = { type = "list", items = question },
            permissions = permissions,
          },
          rules = { with_permissions },
          answer = "echo", finish = "done", once = true, irreversible = "the id of a new entry is not told (WD-28)",
          success = ok, errors = failures, notes = { "WD-03", "WD-08", "WD-28", "WD-46" },
        },
        update = {
          id = "faqs_update", method = "PATCH", path = "/api/faqs/{id}", effect = "update",
          summary = "Change an entry by its kbId",
          params = { entry_id },
          query = { publish = publish },
          fields = {
            kb = {
              type = "object",
              fields = {
                name = text, newOwnerIds = texts, removeOwnerIds = texts, expiry = timestamp, tags = texts,
                category = text, link = text,
              },
            },
            updatedQAs = {
              type = "list",
              items = { type = "object", fields = { id = text, question = text, answer = text, description = text } },
            },
            newQas = { type = "list", items = question },
            removeQuestionIds = uuids,
            permissions = permissions,
          },
          answer = "echo", finish = "done", irreversible = "no call reads an entry (WD-28)",
          success = ok, errors = failures, notes = { "WD-08", "WD-28", "WD-46" },
        },
        delete = {
          id = "faqs_delete", method = "DELETE", path = "/api/faqs/{id}", effect = "delete",
          summary = "Delete a FAQ, for good; it may take the whole entry along",
          params = { entry_id },
          confirm = "It may remove the whole entry with all its questions (WD-28)",
          answer = "none", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-28", "WD-46" },
        },
      },
    },

    media = {
      title = "Files", key = "fileId", record = "SignedUpload",
      operations = {
        create = {
          id = "media_create", method = "GET", path = "/api/media", effect = "create",
          summary = "Reserve a file id and get a signed form; upload does this and sends the file",
          query = {
            mime = {
              type = "string", required = true, summary = "MIME type",
              known = {
                "text/plain", "application/pdf", "application/msword",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation", "video/mp4",
              },
            },
            name = { type = "string", required = true, summary = "name of the file" },
            moduleCode = { type = "integer", required = true, summary = "number of the module: see module_codes:list" },
          },
          confirm = "Uploaded files can be seen by everybody who has their address (WD-45)",
          answer = "object", finish = "done", once = true, irreversible = "no call deletes a file",
          success = ok, errors = failures, notes = { "WD-45" },
        },
        upload = {
          strategy = "upload", via = "create", effect = "create",
          summary = "Upload a file: reserve an id, then send the signed form with the file last",
          form = { url = "signedRequest.url", fields = "signedRequest.fields", file = "file" },
          notes = { "WD-45" },
        },
      },
    },
  },
}
