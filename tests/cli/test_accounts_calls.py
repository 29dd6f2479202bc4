# SPDX-License-Identifier: MIT
"""Every operation of Screendragon and WorkDrive once: method, path, query and body on the wire.

The tables below are written from the descriptions, not from the catalogues. The service of
tests/lib/accounts.py refuses what is not described; here the exact requests are compared.
"""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))
import accounts  # noqa: E402
from accounts import uid  # noqa: E402

P = {"onlyMe": True}
LUA_P = "permissions = { onlyMe = true }"
DAY = "2025-01-20T10:00:00.000Z"
PAGE = {"cur_page": "1", "per_page": "100"}
ANY = object()

U, V, W = uid(1), uid(2), uid(3)  # people
ID = {name: uid(100 + n) for n, name in enumerate(sorted(accounts.ITEMS))}

# operationId, call, method, path, query, body
WORKDRIVE = [
    ("users_list", 'list("wd.users:list { snapshot = false }")', "GET", "/api/users", PAGE, None),
    ("users_list_supervisors", 'list("wd.users:list_supervisors { userId = %r }")' % U, "GET", "/api/users/supervisors",
     dict(PAGE, userId=U), None),
    ("users_create", 'wd.users:create { email = "new@a.example", firstName = "N", query = { bulk = true } }', "POST",
     "/api/users/add", {"bulk": "true"}, {"email": "new@a.example", "firstName": "N"}),
    ("users_update", 'wd.users:update(%r, { status = "ARCHIVE" })' % U, "PATCH", "/api/users/" + U, {},
     {"status": "ARCHIVE"}),
    ("users_delete", 'wd.users:delete(%r)' % W, "DELETE", "/api/users/" + W, {}, None),
    ("users_bulk_create", 'wd.users:bulk_create { { email = "b@a.example" }, { email = "c@a.example" } }', "POST",
     "/api/users/bulk-create", {}, {"data": [{"email": "b@a.example"}, {"email": "c@a.example"}]}),
    ("users_bulk_delete", 'wd.users:bulk_delete { %r, %r }' % (uid(8), uid(9)), "DELETE", "/api/users/bulk-delete", {},
     {"id": [uid(8), uid(9)]}),
    ("organizations_create", 'wd.organizations:create { name = "Org", auth = { method = "ldap" } }', "POST",
     "/api/organization", {}, {"name": "Org", "auth": {"method": "ldap"}}),
    ("organizations_update", 'wd.organizations:update(%r, { name = "New" })' % U, "PATCH", "/api/organization/" + U, {},
     {"name": "New"}),
    ("tokens_generate", 'assert(wd.tokens:generate(%r).token == "issued-secret-token")' % V, "POST",
     "/api/token/generate-access", {}, {"userId": V}),
    ("posts_list", 'list("wd.posts:list { snapshot = false }")', "GET", "/api/posts",
     {"time": ANY, "per_page": "100", "sort_key": "a"}, None),
    ("posts_create", 'wd.posts:create { postText = "Hi", tags = { "x" }, %s }' % LUA_P, "POST", "/api/posts", {},
     {"postText": "Hi", "tags": ["x"], "status": "PUBLISHED", "permissions": P}),
    ("posts_update", 'wd.posts:update(%r, { postText = "Ho" })' % ID["posts"], "PATCH", "/api/posts/" + ID["posts"], {},
     {"postText": "Ho"}),
    ("posts_delete", 'wd.posts:delete(%r)' % ID["posts"], "DELETE", "/api/posts/" + ID["posts"], {}, None),
    ("news_list", 'list("wd.news:list { snapshot = false }")', "GET", "/api/news",
     {"time": ANY, "per_page": "100", "sort_key": "a"}, None),
    ("news_create", 'wd.news:create { newsTitle = "N", tags = "one", %s }' % LUA_P, "POST", "/api/news", {},
     {"newsTitle": "N", "tags": "one", "permissions": P}),
    ("news_update", 'wd.news:update(%r, { newsTitle = "M" })' % ID["news"], "PATCH", "/api/news/" + ID["news"], {},
     {"newsTitle": "M"}),
    ("news_delete", 'wd.news:delete(%r)' % ID["news"], "DELETE", "/api/news/" + ID["news"], {}, None),
    ("events_list", 'list([[wd.events:list { fromDate = "2025-01-01T00:00:00", toDate = "2025-02-01T00:00:00",'
     ' snapshot = false }]])', "GET", "/api/events",
     {"time": ANY, "per_page": "100", "fromDate": "2025-01-01T00:00:00", "toDate": "2025-02-01T00:00:00"}, None),
    ("events_create", 'wd.events:create { title = "E", startDateTime = %r, type = 2, %s }' % (DAY, LUA_P), "POST",
     "/api/events/meeting", {}, {"title": "E", "startDateTime": DAY, "type": 2, "permissions": P}),
    ("events_update", 'wd.events:update(event(), { title = "F" })', "PATCH", "/api/events/" + ID["events"], {},
     {"title": "F"}),
    ("events_delete", 'wd.events:delete(event(), { query = { ["repeat"] = "all" } })', "DELETE",
     "/api/events/" + ID["events"], {"repeat": "all"}, None),
    ("videos_list", 'list("wd.videos:list { search = \'x\' }")', "GET", "/api/videos", dict(PAGE, search="x"), None),
    ("videos_create", 'wd.videos:create { title = "V", source = 3, %s }' % LUA_P, "POST", "/api/videos", {},
     {"title": "V", "source": 3, "permissions": P}),
    ("videos_update", 'wd.videos:update(%r, { title = "W" })' % ID["videos"], "PATCH", "/api/videos/" + ID["videos"], {},
     {"title": "W"}),
    ("videos_delete", 'wd.videos:delete(%r)' % ID["videos"], "DELETE", "/api/videos/" + ID["videos"], {}, None),
    ("photos_list", 'list("wd.photos:list { filter = \'team_photos\' }")', "GET", "/api/photos",
     dict(PAGE, filter="team_photos"), None),
    ("photos_create", 'wd.photos:create { title = "P", fileId = %r, %s }' % (U, LUA_P), "POST", "/api/photos", {},
     {"title": "P", "fileId": U, "permissions": P}),
    ("photos_update", 'wd.photos:update(%r, { title = "Q" })' % ID["photos"], "PATCH", "/api/photos/" + ID["photos"], {},
     {"title": "Q"}),
    ("photos_delete", 'wd.photos:delete(%r)' % ID["photos"], "DELETE", "/api/photos/" + ID["photos"], {}, None),
    ("documents_list", 'list("wd.documents:list { category = \'c\' }")', "GET", "/api/documents",
     dict(PAGE, category="c"), None),
    ("documents_create", 'wd.documents:create { name = "D", category = "c", query = { publish = true }, %s }' % LUA_P,
     "POST", "/api/documents", {"publish": "true"}, {"name": "D", "category": "c", "permissions": P}),
    ("documents_update", 'wd.documents:update(%r, { kb = { name = "E", newOwnerIds = { %r } }, %s })'
     % (ID["documents"], U, LUA_P), "PATCH", "/api/documents/" + ID["documents"], {},
     {"kb": {"name": "E", "newOwnerIds": [U], "permissions": P}, "permissions": P}),
    ("documents_delete", 'wd.documents:delete(%r)' % ID["documents"], "DELETE", "/api/documents/" + ID["documents"], {},
     None),
    ("faqs_list", 'list("wd.faqs:list()")', "GET", "/api/faqs", PAGE, None),
    ("faqs_create", 'wd.faqs:create { kb = { name = "K" }, qas = { { question = "q", answer = "a" } }, %s }' % LUA_P,
     "POST", "/api/faqs", {}, {"kb": {"name": "K"}, "qas": [{"question": "q", "answer": "a"}], "permissions": P}),
    ("faqs_update", 'wd.faqs:update("kb 1", { kb = { name = "L" } })', "PATCH", "/api/faqs/kb%201", {},
     {"kb": {"name": "L"}}),
    ("faqs_delete", 'wd.faqs:delete("kb1")', "DELETE", "/api/faqs/kb1", {}, None),
    ("categories_list", 'list("wd.categories:list { moduleCode = 1 }")', "GET", "/api/categories",
     dict(PAGE, moduleCode="1"), None),
    ("enforcement_templates_list", 'list("wd.enforcement_templates:list()")', "GET", "/api/enforcement-templates",
     dict(PAGE, sort_direction="DESC"), None),
    ("notifications_send", 'assert(wd.notifications:send { title = "T", medium = "EMAIL", emails = { "a@b.example" } }'
     ' == nil)', "GET", "/api/notifications/send", {}, {"title": "T", "medium": "EMAIL", "emails": ["a@b.example"]}),
    ("module_codes_list", 'list("wd.module_codes:list()")', "GET", "/api/module-codes", {}, None),
    ("courses_list", 'list("wd.courses:list { snapshot = false }")', "GET", "/api/courses",
     dict(PAGE, sort_direction="ASC"), None),
    ("courses_delete", 'wd.courses:delete(%r)' % ID["courses"], "DELETE", "/api/courses/" + ID["courses"], {}, None),
    ("tasks_list", 'list("wd.tasks:list { snapshot = false, published = true }")', "GET", "/api/tasks",
     dict(PAGE, sort_direction="ASC", published="true"), None),
    ("tasks_create", 'wd.tasks:create { title = "T", status = "draft", task_type = "Article", content = "c" }', "POST",
     "/api/tasks", {}, {"title": "T", "status": "draft", "task_type": "Article", "content": "c"}),
    ("tasks_create_and_assign", 'wd.tasks:create_and_assign { title = "U", userIds = { %r } }' % U, "POST", "/api/tasks",
     {}, {"title": "U", "userIds": [U]}),
    ("tasks_update", 'wd.tasks:update(%r, { title = "V" })' % ID["tasks"], "PATCH", "/api/tasks/update/" + ID["tasks"], {},
     {"title": "V"}),
    ("tasks_assign", 'wd.tasks:assign(%r, { userIds = { %r }, removeIds = { %r } })' % (uid(50), U, V), "PATCH",
     "/api/tasks/assign/" + uid(50), {}, {"userIds": [U], "removeIds": [V]}),
    ("tasks_delete", 'wd.tasks:delete(%r)' % ID["tasks"], "DELETE", "/api/tasks/" + ID["tasks"], {}, None),
    ("group_chats_list", 'list("wd.group_chats:list { group_type = \'ROOM\', snapshot = false }")', "GET",
     "/api/group-chats", dict(PAGE, time=ANY, group_type="ROOM"), None),
    ("group_chats_create", 'wd.group_chats:create { title = "G", members = { { id = %r, isAdmin = true } } }' % U, "POST",
     "/api/group-chats", {}, {"title": "G", "members": [{"id": U, "isAdmin": True}]}),
    ("group_chats_update", 'wd.group_chats:update(%r, { title = "H", newAdmins = { %r } })' % (ID["group_chats"], U),
     "PATCH", "/api/group-chats/" + ID["group_chats"], {}, {"title": "H", "newAdmins": [U]}),
    ("group_chats_delete", 'wd.group_chats:delete(%r)' % ID["group_chats"], "DELETE", "/api/group-chats",
     {"id": ID["group_chats"]}, None),
    ("messages_send", 'assert(wd.messages:send(%r, { message = "m" }).id)' % U, "GET", "/api/%s/messages" % U, {},
     {"message": "m"}),
    ("departments_list", 'list("wd.departments:list { snapshot = false }")', "GET", "/api/departments", PAGE, None),
    ("departments_create", 'wd.departments:create { name = "D", members = { { id = %r, isDepartmentHead = true } } }' % U,
     "POST", "/api/departments", {}, {"name": "D", "members": [{"id": U, "isDepartmentHead": True}]}),
    ("departments_update_heads", 'wd.departments:update_heads(%r, { remove = %r })' % (ID["departments"], V), "PATCH",
     "/api/departments/%s/admin" % ID["departments"], {}, {"remove": V}),
    ("departments_update_members", 'wd.departments:update_members(%r, { addMembers = { { id = %r } } })'
     % (ID["departments"], W), "POST", "/api/departments/%s/members" % ID["departments"], {}, {"addMembers": [{"id": W}]}),
    ("departments_list_members", 'list("wd.departments:list_members(%r)")' % ID["departments"], "GET",
     "/api/departments/%s/members" % ID["departments"], {}, None),
    ("departments_update", 'wd.departments:update(%r, { name = "E" })' % ID["departments"], "PATCH",
     "/api/departments/" + ID["departments"], {}, {"name": "E"}),
    ("departments_delete", 'wd.departments:delete(%r)' % ID["departments"], "DELETE",
     "/api/departments/" + ID["departments"], {}, None),
    ("locations_list", 'list("wd.locations:list { snapshot = false }")', "GET", "/api/locations", PAGE, None),
    ("locations_create", 'assert(wd.locations:create { name = "L" }.id)', "POST", "/api/locations", {}, {"name": "L"}),
    ("locations_update_members", 'wd.locations:update_members(%r, { addMembers = { %r } })' % (ID["locations"], U), "POST",
     "/api/locations/%s/members" % ID["locations"], {}, {"addMembers": [U]}),
    ("locations_list_members", 'list("wd.locations:list_members(%r)")' % ID["locations"], "GET",
     "/api/locations/%s/members" % ID["locations"], {}, None),
    ("locations_update", 'wd.locations:update(%r, { name = "M" })' % ID["locations"], "PATCH",
     "/api/locations/" + ID["locations"], {}, {"name": "M"}),
    ("locations_delete", 'wd.locations:delete(%r)' % ID["locations"], "DELETE", "/api/locations/" + ID["locations"], {},
     None),
    ("security_groups_list", 'list("wd.security_groups:list { snapshot = false }")', "GET", "/api/security_groups", PAGE,
     None),
    ("security_groups_add_members", 'wd.security_groups:add_members(%r, { ids = { %r } })' % (ID["security_groups"], U),
     "POST", "/api/security_groups/%s/members" % ID["security_groups"], {}, {"ids": [U]}),
    ("security_groups_remove_members", 'wd.security_groups:remove_members(%r, { ids = { %r } })'
     % (ID["security_groups"], U), "DELETE", "/api/security_groups/%s/members" % ID["security_groups"], {},
     {"ids": [U]}),
    ("sso_list", 'list("wd.sso:list { manage = true, snapshot = false }")', "GET", "/api/sso", {"manage": "true"}, None),
    ("sso_create", 'wd.sso:create { type = "QUICK_LINK", link = "https://a.example/" }', "POST", "/api/sso", {},
     {"type": "QUICK_LINK", "link": "https://a.example/"}),
    ("media_create", 'assert(wd.media:create { mime = "text/plain", name = "a b.txt", moduleCode = 1 }.fileId)', "GET",
     "/api/media", {"mime": "text/plain", "name": "a b.txt", "moduleCode": "1"}, None),
]

NEW = {"userName": "ada", "firstName": "Ada", "lastName": "L", "email": "ada@a.example", "encryptPassword": True,
       "groupTags": [], "isTsIngestUser": 0, "ssoUser": 1}
SCREENDRAGON = [
    ("users_list", 'list("sg.users:list { snapshot = false }")', "GET", "/api/users", {"activeAndInactive": "true"}, None),
    ("users_get", "assert(sg.users:get(42).UserName == 'u42')", "GET", "/api/users/42", {}, None),
    ("users_get_by_username", "assert(sg.users:get_by_username('u42').userID == 42)", "GET",
     "/api/users/UserDetails/u42", {}, None),
    ("users_create", 'sg.users:create { userName = "ada", firstName = "Ada", lastName = "L", email = "ada@a.example",'
     ' ssoUser = true }', "POST", "/api/users", {}, NEW),
    ("users_update", "sg.users:update(42, { firstName = 'New' })", "PUT", "/api/users/42", {},
     {"firstName": "New", "lastName": "Last42", "email": "u42@a.example"}),
    ("users_bulk_update", "sg.users:bulk_update { { UserId = 43, LastName = 'X' }, { UserId = 44, LastName = 'Y' } }",
     "PUT", "/api/users/details", {},
     [{"UserId": 43, "FirstName": "First43", "LastName": "X", "Email": "u43@a.example"},
      {"UserId": 44, "FirstName": "First44", "LastName": "Y", "Email": "u44@a.example"}]),
    ("users_delete", "sg.users:delete(45, { query = { assignUserID = 42 } })", "DELETE", "/api/users/45",
     {"assignUserID": "42"}, None),
    ("users_bulk_delete", "sg.users:bulk_delete { 46, 47 }", "DELETE", "/api/users", {}, [46, 47]),
]

SCRIPT = """
moonlever.script { summary = "every call", switches = { "messages", "notifications" } }
local %(short)s = moonlever.connect "%(name)s"
local function list(text)
  local env = { %(short)s = %(short)s }
  for _ in load("return " .. text, "list", "t", env)() do end
end
local function event()
  for one in wd.events:list { fromDate = "2025-01-01T00:00:00", toDate = "2025-02-01T00:00:00", snapshot = false } do
    return one
  end
end
local calls = {
%(calls)s
}
for _, call in ipairs(calls) do
  local ok, err = pcall(call[2])
  if not ok then print("FAILED " .. call[1] .. ": " .. tostring(err)) end
end
"""


def seed_workdrive(service):
    for n in list(range(1, 10)):
        service.put("users", {"id": uid(n), "email": "u%d@a.example" % n, "status": "ACTIVE"})
    for name, key in ID.items():
        if name != "users":
            service.put(name, {"id": key, "title": "old", "name": "old", "status": "draft", "postText": "old",
                               "newsTitle": "old", "postedAt": DAY, "startDateTime": DAY, "endDateTime": DAY})
    service.get("departments", ID["departments"])["admins"] = [{"id": U}, {"id": V}]
    service.get("security_groups", ID["security_groups"])["memberCount"] = 0
    service.put("tasks", {"id": uid(50), "title": "out", "status": "published", "assignedUserIds": [{"id": V}]})
    service.put("module_codes", {"id": "1", "name": "POST", "moduleCode": 1})


def seed_screendragon(service):
    for n in range(42, 48):
        service.put("users", {"userID": n, "UserName": "u%d" % n, "FirstName": "First%d" % n, "LastName": "Last%d" % n,
                              "email": "u%d@a.example" % n, "status": "active"})


class Calls(unittest.TestCase):
    def every(self, name, short, table, seed):
        calls = "\n".join("  { %r, function() %s end }," % (row[0], row[1]) for row in table)
        with accounts.Service(name) as service, tempfile.TemporaryDirectory() as state:
            seed(service)
            done = accounts.run(service, SCRIPT % {"short": short, "name": name, "calls": calls}, "--yes",
                                "--confirm=100", "--rate", "0", XDG_STATE_HOME=state)
        self.assertNotIn("FAILED", done.out, done)
        self.assertEqual(done.code, 0, done)
        for row in table:
            self.compare(service, *row)

    def compare(self, service, name, _, method, path, query, body):
        sent = []
        for request in service.requests:
            if request.method != method or request.path != path.replace("%20", " ") and request.path != path:
                continue
            got = {key: values[0] for key, values in request.query.items()}
            want = {key: got.get(key) if value is ANY and key in got else value for key, value in query.items()}
            if got == want and request.body == body:
                return
            sent.append((got, request.body))
        self.fail("%s: %s %s?%s %s was not sent, but %s" % (name, method, path, query, json.dumps(body), sent))

    def test_workdrive(self):
        self.every("workdrive", "wd", WORKDRIVE, seed_workdrive)

    def test_screendragon(self):
        self.every("screendragon", "sg", SCREENDRAGON, seed_screendragon)

    def test_that_none_is_missing(self):
        for name, table, more in (("workdrive", WORKDRIVE, {"messages_create_meeting", "tasks_create_and_assign"}),
                                  ("screendragon", SCREENDRAGON, set())):
            documented = {operation.id for operation in accounts.operations(name)} | more
            self.assertEqual({row[0] for row in table} | {"messages_create_meeting"} & more, documented)


if __name__ == "__main__":
    unittest.main()
