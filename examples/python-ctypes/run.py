#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A script inside a Python program, with nothing but ctypes.

    LD_LIBRARY_PATH=PREFIX/lib python3 run.py SCRIPT [ARG...]

Python's own loop (asyncio) turns the handle: its descriptor is a reader, its timeout a timer.
"""
import asyncio
import ctypes
import json
import sys

OUTPUT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
lib = ctypes.CDLL("libmoonlever.so.0")
for name, result, *arguments in (
        ("open", ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)),
        ("close", None, ctypes.c_void_p),
        ("set", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p),
        ("on_output", None, ctypes.c_void_p, OUTPUT, ctypes.c_void_p),
        ("run_start", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int,
         ctypes.POINTER(ctypes.c_char_p)),
        ("run_done", ctypes.c_int, ctypes.c_void_p),
        ("fd", ctypes.c_int, ctypes.c_void_p),
        ("timeout_ms", ctypes.c_int, ctypes.c_void_p),
        ("dispatch", ctypes.c_int, ctypes.c_void_p),
        ("exit_code", ctypes.c_int, ctypes.c_void_p),
        ("result_json", ctypes.c_char_p, ctypes.c_void_p),
        ("errmsg", ctypes.c_char_p, ctypes.c_void_p)):
    function = getattr(lib, "moonlever_" + name)
    function.restype, function.argtypes = result, arguments


class Moonlever:
    """A handle; `async with`, then `await run(script, *args)`, which returns the result."""

    def __init__(self, **settings):
        self.handle = ctypes.c_void_p()
        if lib.moonlever_open(ctypes.byref(self.handle)) != 0:
            raise MemoryError("moonlever_open")
        # Kept in the object: C must never call what Python has collected.
        self.output = OUTPUT(lambda _, text, size: sys.stdout.write(ctypes.string_at(text, size).decode()))
        lib.moonlever_on_output(self.handle, self.output, None)
        for key, value in settings.items():
            self.check(lib.moonlever_set(self.handle, key.encode(), str(value).lower().encode()))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        lib.moonlever_close(self.handle)

    def check(self, code):
        if code != 0:
            raise RuntimeError(lib.moonlever_errmsg(self.handle).decode())

    async def run(self, script, *args):
        words = (ctypes.c_char_p * len(args))(*(word.encode() for word in args))
        self.check(lib.moonlever_run_start(self.handle, script.encode(), len(args), words))
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        descriptor = lib.moonlever_fd(self.handle)
        loop.add_reader(descriptor, ready.set)
        try:
            while True:
                lib.moonlever_dispatch(self.handle)
                if lib.moonlever_run_done(self.handle):
                    return json.loads(lib.moonlever_result_json(self.handle))
                await self.wait(ready)
        finally:
            loop.remove_reader(descriptor)

    async def wait(self, ready):
        """Until there is something to dispatch; the rest of the program runs meanwhile."""
        ready.clear()
        milliseconds = lib.moonlever_timeout_ms(self.handle)
        try:
            await asyncio.wait_for(ready.wait(), None if milliseconds < 0 else milliseconds / 1000)
        except asyncio.TimeoutError:
            pass


async def main(script, *args):
    async with Moonlever(env=True) as host:
        result = await host.run(script, *args)
        print(result["state"], result["counts"])
        if result["exit"]:
            print(lib.moonlever_errmsg(host.handle).decode(), file=sys.stderr)
        return result["exit"]


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
