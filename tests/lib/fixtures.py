# SPDX-License-Identifier: MIT
"""Objects shaped as the Screendesk API documents them, for scripted answers.

    page([recording(1), recording(2)], number=1, pages=3)
"""


def uuid(number):
    return "00000000-0000-4000-8000-%012x" % number


def recording(number, **changes):
    """A recording; nested members that a script may not rely on are null (SD-12)."""
    return {
        "uuid": uuid(number), "title": "Recording %d" % number, "summary": None, "description": None,
        "metadata": {
            "created_at": "2025-03-12T09:12:05.000Z", "updated_at": "2025-03-12T10:00:00.000Z",
            "duration": 900, "impressions_count": 6, "recording_type": "Received",
            "recording_source": "Zendesk Ticket", "url": "https://app.screendesk.io/recordings/" + uuid(number),
            "helpdesk_info": {"platform": "zendesk", "conversation_id": None, "ticket_id": str(48000 + number),
                              "user_id": None, "operator_id": None, "customer_id": None, "issue_id": None},
        },
        "technical_details": None, "console_logs": None, "customer": None,
        "user": {"email": "mira.okafor@example.com", "name": "Mira Okafor"}, "room_insights": None,
        **changes,
    }


def page(records, number=1, pages=1, count=None, size=None):
    """A page of a list; next_page is absent on the last one, prev_page on the first (SD-07)."""
    size = size or len(records)
    pagination = {"count": len(records) if count is None else count, "page": number, "items": size,
                  "pages": pages, "last_page": pages, "from": (number - 1) * size + 1,
                  "to": (number - 1) * size + len(records)}
    if number < pages:
        pagination["next_page"] = number + 1
    if number > 1:
        pagination["prev_page"] = number - 1
    return {"pagination": pagination, "records": records}


def scim_user(number, roles=("member",), **changes):
    email = "user%d@example.com" % number
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": str(number), "userName": email,
        "name": {"formatted": "Given Family", "givenName": "Given", "familyName": "Family"},
        "emails": [{"primary": True, "value": email, "type": "work"}],
        "active": True, "roles": list(roles), **changes,
    }
