# SPDX-License-Identifier: MIT
"""What the servers of the benchmark answer: pages of recordings, and one recording.

A recording has exactly RECORD_BYTES bytes and every nested object of the real
one, so that a decoder meets the same tables. A page is a template in which
tokens of fixed width stand for what differs from page to page: the loopback
server fills them in for each request, page_text() fills them in for nginx, and
both give the same bytes. Every uuid is different: a client that looks for
repeated records finds none.

    template = page_template(pages=1000)
    text = page_text(template, page=7, pages=1000)
"""
import json

RECORD_BYTES = 744
RECORDS = 100

# Eight characters each, as wide as the numbers that take their place.
PAGE, NEXT, PREVIOUS, FIRST, LAST, HEX = (mark * 8 for mark in "%+~<>#")
UUID = "#" * 36  # in the answer to a PATCH: the uuid of the request's path


def recording(uuid, title):
    """A recording as compact JSON of RECORD_BYTES bytes; the description takes up the slack."""
    record = {
        "uuid": uuid, "title": title, "summary": "Export stalls", "description": "",
        "metadata": {
            "created_at": "2025-03-11T09:11:05.000Z", "updated_at": "2025-03-11T10:00:00.000Z",
            "duration": 95, "impressions_count": 3, "recording_type": "Received",
            "recording_source": "Zendesk Ticket", "url": "https://app.screendesk.io/r/bf642f61",
            "helpdesk_info": {"platform": "zendesk", "ticket_id": "48211"},
        },
        "technical_details": {"vendor": "Chrome 134", "ip_address": "203.0.113.21", "isp": None},
        "console_logs": None,
        "customer": {"email": "lena@example.com"},
        "user": {"email": "mira@example.com", "name": "Mira Okafor"},
        "room_insights": {"duration": None, "total_unique_participants": None,
                          "participants_insights": []},
    }
    slack = RECORD_BYTES - len(_compact(record))
    if slack < 0:
        raise ValueError(f"a title of {len(title)} characters makes the recording too long")
    record["description"] = ("What the caller saw, step by step. " * 30)[:slack]
    return _compact(record)


def page_template(pages):
    """One page with tokens in it; `pages` is the number of pages there will be."""
    head = (f'{{"pagination":{{"count":{pages * RECORDS},"page":{PAGE},"items":{RECORDS},'
            f'"pages":{pages},"next_page":{NEXT},"prev_page":{PREVIOUS},"last_page":{pages},'
            f'"from":{FIRST},"to":{LAST}}},"records":[')
    records = (recording(f"{HEX}-4453-446d-9e79-{n:012x}", "Invoice export hangs") for n in range(RECORDS))
    return head + ",".join(records) + "]}"


def page_text(template, page, pages):
    """The template filled in for page 1..pages; numbers are padded with blanks (SD-07: the first
    page has no previous one and the last no next one: null)."""
    values = {
        PAGE: page, NEXT: page + 1 if page < pages else "null",
        PREVIOUS: page - 1 if page > 1 else "null",
        FIRST: (page - 1) * RECORDS + 1, LAST: page * RECORDS,
    }
    text = template
    for token, value in values.items():
        text = text.replace(token, f"{value:>8}", 1)
    return text.replace(HEX, f"{page:08x}")


def _compact(value):
    return json.dumps(value, separators=(",", ":"))
