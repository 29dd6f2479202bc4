# SPDX-License-Identifier: MIT
"""Python: aiohttp with one session, as many tasks as requests in flight, every answer decoded.

    python3 aiohttp_client.py ORIGIN list|patch N CONCURRENCY

Prints "records N" or "patches N"; any answer but a 200 ends it with exit 1.
"""
import asyncio
import sys

import aiohttp

HEADERS = {"Authorization": "Bearer bench-token", "Accept": "application/json"}


async def get_page(session, n):
    async with session.get(f"/api/v2/recordings?page={n}") as answer:
        return len((await answer.json())["records"])


async def patch_one(session, n):
    path = f"/api/v2/recordings/{n:08x}-4453-446d-9e79-000000000000"
    async with session.patch(path, json={"recording": {"title": "new"}}) as answer:
        return int((await answer.json())["title"] == "new")


async def worker(session, one, numbers):
    return sum([await one(session, n) for n in numbers])


async def main(origin, what, total, concurrency):
    one = patch_one if what == "patch" else get_page
    numbers = iter(range(1, total + 1))  # shared: each worker takes the next
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(origin, connector=connector, headers=HEADERS,
                                     raise_for_status=True) as session:
        seen = await asyncio.gather(*(worker(session, one, numbers) for _ in range(concurrency)))
    print("patches" if what == "patch" else "records", sum(seen))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
