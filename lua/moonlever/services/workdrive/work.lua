-- SPDX-License-Identifier: MIT
-- WorkDrive, part: tasks, courses, categories, templates and codes, group chats, messages
-- and notifications. See ../workdrive.lua for what holds for the whole service.

local text = { type = "string" }
local bool = { type = "boolean" }
local count = { type = "integer" }
local any = { type = "any" }
local timestamp = { type = "string", format = "date-time" }
local texts = { type = "list", items = text }
local uuid = { type = "string", format = "uuid" }
local uuids = { type = "list", items = uuid }
local link = { type = "string", format = "uri" }
local user_ref = { type = "object", null = true, shape = "UserRef" }
local file = { type = "object", null = true, shape = "File" }
local object = { type = "object" }

local ok = { 200 }
local failures = { 400, 401, 403, 404, 500, 503 }
local NO_WAY_BACK = "no call brings it back; what was known of it is in the journal"
local BARE_ID = { "id" } -- the word is never sent as an id (WD-07)

local page_number = { type = "integer", min = 1, summary = "start with this page (1-based)" }
local page_size = { type = "integer", min = 1, summary = "items a page; 100 unless given" }
-- The direction is always sent, since the defaults differ (WD-30).
local rising = { type = "string", enum = { "ASC", "DESC" }, default = "ASC", summary = "by date of creation" }
local falling = { type = "string", enum = { "ASC", "DESC" }, default = "DESC", summary = "by date of creation" }

local course_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the course's id" }
local task_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the task's id" }
local chat_id = { name = "id", type = "string", refuse = BARE_ID, summary = "the group chat's id" }

-- Members of a task that writes share.
local task_description = { type = "string", summary = "text, for every kind but Article" }
local task_status = { type = "string", known = { "draft", "publish" }, summary = "draft or publish" }
local task_type = { type = "string", enum = { "Article", "Video", "QuizLink", "Document", "TrainingCourse" } }
local template = { type = "string", format = "uuid", summary = "id of an enforcement template" }
local content = { type = "string", summary = "the text of an Article" }
local video = { type = "string", format = "uuid", summary = "id of a video, or media id of one just uploaded" }
local due_days = { type = "number", summary = "days until it is due" }
local article_needs = { when = { task_type = "Article" }, need = { "content" }, note = "WD-33" }
local task_fields = {
  title = text, description = task_description, status = task_status, task_type = task_type,
  notificationTemplateId = template, content = content, time = count, videoId = video, link = link,
  dueDays = due_days, documentId = uuid, trainingCourseTaskListId = uuid,
}

return {
  format = 1,
  name = "workdrive",

  shapes = {
    Category = { fields = { id = uuid, moduleCode = count, category = text, color = text, orgId = uuid } },
    Course = {
      fields = {
        id = text, courseId = text, title = text, description = text, categories = texts, order = any,
        numberOfTasks = any, usersCount = any, totalTime = any, orgId = text, tasks = count, parentTaskListId = text,
        progress = count, updatedAt = timestamp, status = text, file = file, form = { type = "object" },
        dueDate = any, started = bool, createdBy = text, notificationTemplateId = text,
      },
    },
    EnforcementTemplate = {
      fields = {
        id = uuid, title = text, systemEvent = text, type = text, subType = text,
        reminders = {
          type = "list",
          items = {
            type = "object",
            fields = {
              reminderType = { type = "string", known = { "email", "push", "text", "restrict" } },
              reminderTimeUnit = { type = "string", known = { "week", "days", "hours", "minutes" } },
              reminderTime = count, refId = text, orgContentTemplateId = text,
            },
          },
        },
      },
    },
    ModuleCode = { fields = { name = text, moduleCode = count } },
    -- createdBy and assignedUserIds are ids or objects, by the call that answers (WD-33).
    Task = {
      fields = {
        id = text, title = text, content = text, time = count, videoId = text, description = text, link = text,
        dueDate = timestamp, status = text, createdBy = { type = "object", shape = "UserRef", or_type = "string" },
        createdAt = timestamp, updatedAt = timestamp, dueDays = count, trainingCourse = any,
        trainingCourseTaskListId = text, assignedUserIds = { type = "list", items = any },
      },
    },
    Call = {
      fields = {
        id = text, type = text, status = text, startedAt = timestamp, endedAt = timestamp, userId = text,
        token = { type = "any", secret = true }, publicToken = { type = "string", secret = true },
      },
    },
    Conversation = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, groupId = text,
        title = text, description = text, image = any, color = text, isChannel = bool, isPrivate = bool,
        byRequest = bool, type = text, category = text, ticketId = text, newResponseCount = count,
        initialQuery = text, activeCallId = any, expertId = any, lastQueryMsg = any, videoPreviews = file,
        participants = { type = "list", items = user_ref }, muted = bool, snoozedUntil = timestamp, meta = any,
        reactions = texts, admins = texts, lastCall = { type = "object", null = true, shape = "Call" },
        scheduledCall = { type = "object", null = true, shape = "Call" },
      },
    },
    Message = {
      fields = {
        id = text, createdAt = timestamp, updatedAt = timestamp, createdBy = text, updatedBy = text, message = text,
        isEdited = bool, replyOfMsgId = text, sender = user_ref,
        files = { type = "object", null = true, fields = { files = { type = "list", items = file } } },
        mention = { type = "object", null = true, shape = "UserRef", or_type = "list" },
        reactions = { type = "list", items = any },
        linkPreviews = { type = "object", null = true, shape = "LinkPreview", or_type = "list" },
        type = count, repliesCount = count, kbExperts = object, kbDocs = object, kbFaqs = object, video = object,
        chat = object, lastQueryMsg = any, call = any, ticket = object, event = object,
      },
    },
    -- Sending a notification answers nothing.
    Nothing = { fields = {} },
  },

  resources = {
    tasks = {
      title = "Tasks", key = "id", label = "title", record = "Task",
      operations = {
        list = {
          id = "tasks_list", method = "GET", path = "/api/tasks", effect = "read",
          summary = "List your tasks",
          query = {
            cur_page = page_number, per_page = page_size, sort_direction = rising,
            filter = {
              type = "string", enum = { "INDEPENDENT_TASKS_CREATED_BY_ME", "INDEPENDENT_TASKS_ASSIGNED_TO_ME" },
            },
            published = { type = "boolean", summary = "known from a sample only" },
          },
          pages = { style = "page", items = { "tasks" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-30", "WD-33", "WD-46", "WD-47", "WD-48" },
        },
        create = {
          id = "tasks_create", method = "POST", path = "/api/tasks", effect = "create",
          summary = "Create a task that nobody has yet",
          fields = task_fields,
          rules = { article_needs },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-33", "WD-46" },
        },
        create_and_assign = {
          id = "tasks_create_and_assign", method = "POST", path = "/api/tasks", effect = "create",
          summary = "Create a task and give it to people; userIds tells it from create",
          fields = {
            title = text, description = task_description, task_type = task_type, notificationTemplateId = template,
            content = content, time = count, videoId = video, link = link, dueDays = due_days, documentId = uuid,
            trainingCourseTaskListId = uuid,
            userIds = {
              type = "list", items = text, required = true, nonempty = true, shows = "assignedUserIds",
              summary = "ids of users",
            },
          },
          rules = { article_needs },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-03", "WD-33", "WD-46" },
        },
        update = {
          id = "tasks_update", method = "PATCH", path = "/api/tasks/update/{id}", effect = "update",
          summary = "Change a draft",
          params = { task_id },
          fields = task_fields,
          only_if = { { field = "status", is = { "draft" }, why = "a published task cannot be changed (WD-33)" } },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-07", "WD-33", "WD-46" },
        },
        assign = {
          id = "tasks_assign", method = "PATCH", path = "/api/tasks/assign/{id}", effect = "update",
          strategy = "members",
          summary = "Give a published task to people and take it from others",
          params = { task_id },
          fields = {
            userIds = { type = "list", items = uuid, summary = "who gets it" },
            removeIds = { type = "list", items = uuid, summary = "who loses it" },
          },
          moves = { list = "assignedUserIds", add = "userIds", remove = "removeIds" },
          only_if = { { field = "status", isnt = { "draft" }, why = "a draft cannot be assigned (WD-33)" } },
          answer = "object", read = "list", inverse = "assign", finish = "done",
          success = ok, errors = failures, notes = { "WD-07", "WD-33", "WD-46" },
        },
        delete = {
          id = "tasks_delete", method = "DELETE", path = "/api/tasks/{id}", effect = "delete",
          summary = "Delete a task, for good",
          params = { task_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    courses = {
      title = "Training courses", key = "id", label = "title", record = "Course",
      operations = {
        list = {
          id = "courses_list", method = "GET", path = "/api/courses", effect = "read",
          summary = "List courses",
          fallback = "/api/categories", -- as printed; only if the first is refused (WD-29)
          query = {
            cur_page = page_number, per_page = page_size, filter = { type = "string", known = { "ALL_COURSES" } },
            sort_direction = rising,
          },
          pages = { style = "page", items = { "taskLists" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-29", "WD-30", "WD-46", "WD-47", "WD-48" },
        },
        delete = {
          id = "courses_delete", method = "DELETE", path = "/api/courses/{id}", effect = "delete",
          summary = "Delete a course, for good",
          params = { course_id },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-46" },
        },
      },
    },

    categories = {
      title = "Categories", key = "id", label = "category", record = "Category",
      operations = {
        list = {
          id = "categories_list", method = "GET", path = "/api/categories", effect = "read",
          summary = "List the categories of a module",
          query = {
            cur_page = page_number, per_page = page_size,
            moduleCode = { type = "integer", required = true, summary = "number of the module: see module_codes:list" },
          },
          pages = { style = "page", items = { "categories" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-29", "WD-46", "WD-47", "WD-48" },
        },
      },
    },

    enforcement_templates = {
      title = "Enforcement templates", key = "id", label = "title", record = "EnforcementTemplate",
      operations = {
        list = {
          id = "enforcement_templates_list", method = "GET", path = "/api/enforcement-templates", effect = "read",
          summary = "List templates of reminders",
          query = { cur_page = page_number, per_page = page_size, sort_direction = falling },
          pages = { style = "page", items = { "notificationTemplates" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-30", "WD-46", "WD-47", "WD-48" },
        },
      },
    },

    module_codes = {
      title = "Module codes", key = "moduleCode", label = "name", record = "ModuleCode",
      operations = {
        list = {
          id = "module_codes_list", method = "GET", path = "/api/module-codes", effect = "read",
          summary = "List the modules with their numbers",
          pages = { style = "none", items = { "$" } },
          success = ok, errors = failures, notes = { "WD-32" },
        },
      },
    },

    group_chats = {
      title = "Group chats", key = "id", label = "title", record = "Conversation",
      operations = {
        list = {
          id = "group_chats_list", method = "GET", path = "/api/group-chats", effect = "read",
          summary = "List group chats",
          query = {
            cur_page = page_number, per_page = page_size,
            group_type = { type = "string", enum = { "CHAT_GROUP", "ROOM" } },
            my_group_chats = { type = "boolean", summary = "only those that you have joined" },
            include_participants = { type = "boolean", summary = "with participants" },
            time = {
              type = "string", format = "date-time", default = "now",
              summary = "created up to this moment; fixed for the whole list, so that it is stable",
            },
          },
          pages = { style = "page", items = { "conversations" } },
          success = ok, errors = failures, notes = { "WD-04", "WD-34", "WD-46", "WD-47", "WD-48" },
        },
        create = {
          id = "group_chats_create", method = "POST", path = "/api/group-chats", effect = "create",
          summary = "Create a group chat",
          fields = {
            isPrivate = bool, byRequest = { type = "boolean", summary = "others may ask to join" }, description = text,
            members = {
              type = "list", shows = false,
              items = { type = "object", fields = { id = uuid, isAdmin = bool } },
            },
            fileId = { type = "string", format = "uuid", summary = "media id of the cover; for CHAT_GROUP" },
            title = { type = "string", summary = "for CHAT_GROUP" },
            groupType = { type = "string", enum = { "CHAT_GROUP", "ROOM" } },
            category = { type = "string", summary = "name of the category; for CHAT_GROUP" },
          },
          answer = "object", read = "list", inverse = "delete", finish = "done", once = true,
          success = ok, errors = failures, notes = { "WD-36", "WD-46" },
        },
        update = {
          id = "group_chats_update", method = "PATCH", path = "/api/group-chats/{id}", effect = "update",
          summary = "Change a group chat and its admins; plain members cannot be changed",
          params = { chat_id },
          fields = {
            title = { type = "string", summary = "for CHAT_GROUP" }, description = text, isPrivate = bool,
            newAdmins = { type = "list", items = uuid, shows = false, summary = "ids of users" },
            removedAdmins = { type = "list", items = uuid, shows = false, summary = "ids of users" },
            fileId = { type = "string", format = "uuid", summary = "media id of the cover; for CHAT_GROUP" },
            category = { type = "string", summary = "name of the category; for CHAT_GROUP" },
          },
          moves = { list = "admins", add = "newAdmins", remove = "removedAdmins" },
          answer = "object", read = "list", inverse = "update", finish = "done",
          success = ok, errors = failures, notes = { "WD-37", "WD-46" },
        },
        delete = {
          id = "group_chats_delete", method = "DELETE", path = "/api/group-chats", effect = "delete",
          summary = "Delete one group chat, for good",
          params = {
            { name = "id", ["in"] = "query", type = "string", refuse = BARE_ID, summary = "the group chat's id" },
          },
          answer = "none", read = "list", finish = "done", irreversible = NO_WAY_BACK,
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-34", "WD-46" },
        },
      },
    },

    messages = {
      title = "Messages", key = "id", record = "Message",
      operations = {
        send = {
          id = "messages_send", method = "GET", methods = { "GET", "POST" }, path = "/api/{conversationId}/messages",
          effect = "create", switch = "messages",
          summary = "Post a message to a conversation",
          params = {
            {
              name = "conversationId", type = "string", format = "uuid", strict = true,
              summary = "the conversation's id, a UUID",
            },
          },
          fields = {
            message = text, mention = { type = "list", items = uuid, shows = false, summary = "ids of users" },
            replyOfMsgId = { type = "string", format = "uuid", summary = "the message that is answered" },
            fileId = { type = "list", items = uuid, summary = "media ids" },
          },
          answer = "object", finish = "done", once = true, irreversible = "a message cannot be called back",
          success = ok, errors = failures, notes = { "WD-11", "WD-35" },
        },
        create_meeting = {
          id = "messages_create_meeting", method = "POST", path = "/api/group-chats", effect = "create",
          summary = "Never sent, since it could create a group chat: events:create does the same",
          refused = "use events:create with conversationId, userIds and isMeeting = true (WD-36)",
          params = { { name = "conversationId", ["in"] = "unknown", type = "string" } },
          fields = {
            title = text, userIds = uuids, startDateTime = timestamp, endDateTime = timestamp, posterId = uuid,
            duration = count,
          },
          answer = "object", finish = "done", once = true, irreversible = "it is never sent",
          success = ok, errors = failures, notes = { "WD-36" },
        },
      },
    },

    notifications = {
      title = "Notifications", key = "id", record = "Nothing",
      operations = {
        send = {
          id = "notifications_send", method = "GET", methods = { "GET", "POST" }, path = "/api/notifications/send",
          effect = "create", switch = "notifications",
          summary = "Send a notification to people",
          fields = {
            title = { type = "string", summary = "the subject" },
            description = { type = "string", summary = "the text" },
            medium = { type = "string", enum = { "EMAIL", "SMS", "PUSH", "INAPP" } },
            emails = { type = "list", items = { type = "string", format = "email" }, summary = "for EMAIL" },
            receiverUserIds = { type = "list", items = uuid, summary = "ids of users; for every medium but EMAIL" },
          },
          rules = {
            { when = { medium = "EMAIL" }, need = { "emails" } },
            { unless = { medium = "EMAIL" }, need = { "receiverUserIds" } },
          },
          side_effects = { "email", "sms", "push", "in-app" },
          confirm = "It goes out to people at once",
          answer = "none", finish = "done", once = true, irreversible = "a notification cannot be called back",
          success = ok, also = { 204 }, errors = failures, notes = { "WD-02", "WD-31" },
        },
      },
    },
  },
}
