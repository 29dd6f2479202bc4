# SPDX-License-Identifier: MIT
"""Every attack in every place, and in every place within a place: none ends but by its limit.

    cross.py HOSTILE FILE [STEP]      makes FILE.scripts with each STEPth script, runs HOSTILE on it
"""
import os
import sys

# Where code can stand; %s is the code.
PLACES = {
    "the script": "%s",
    "pcall": "pcall(function() %s end)",
    "pcall in a loop": "while true do pcall(function() %s end) end",
    "xpcall": "xpcall(function() %s end, function(e) return e end)",
    "a message handler": "xpcall(error, function() %s end)",
    "a coroutine": "coroutine.wrap(function() %s end)()",
    "coroutine.resume": "coroutine.resume(coroutine.create(function() %s end))",
    "coroutine.close": "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = "
                       "function() %s end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
    "__close": "do local x <close> = setmetatable({}, { __close = function() %s end }) end",
    "__close after an error": "pcall(function() local x <close> = setmetatable({}, { __close = function() %s end }) "
                              "error 'x' end)",
    "__index": "local _ = setmetatable({}, { __index = function() %s end }).x",
    "__tostring": "tostring(setmetatable({}, { __tostring = function() %s return '' end }))",
    "sort": "table.sort({ 1, 2, 3 }, function() %s return false end)",
    "gsub": "string.gsub('aa', 'a', function() %s end)",
    "a reader of load": "load(function() %s return nil end)",
    "an iterator": "for _ in function() %s end do end",
    "a task": "moonlever.spawn(function() %s end):await()",
    "each": "moonlever.each({ 1, 2 }, function() %s end)",
    "try": "moonlever.try(function() %s end)",
}

ATTACKS = {
    "a loop": "while true do end",
    "a loop of pcalls": "while true do pcall(function() while true do end end) end",
    "a pattern": "while true do string.find(('a'):rep(3000), '.-.-.-b') end",
    "memory": "local t = {} while true do t[#t + 1] = ('x'):rep(20000) .. #t end",
    "recursion through pcall": "local function f() pcall(f) end while true do f() end",
    "coroutines": "while true do coroutine.wrap(function() end)() end",
    "a range": "table.move({}, 1, 1 << 60, 2)",
    "output": "while true do print(('x'):rep(200)) end",
    "waits": "while true do moonlever.sleep(0) end",
}


def scripts():
    for outer, around in PLACES.items():
        for inner, place in PLACES.items():
            if inner == outer == "the script":
                continue
            for attack, code in ATTACKS.items():
                body = around % (place % code)
                yield ("%s in %s in %s" % (attack, inner, outer),
                       "local moonlever = require 'moonlever'\npcall(function() %s end)\nwhile true do end\n" % body)


def main(hostile, path, step=1):
    with open(path, "w", encoding="ascii") as file:
        file.write("Made by cross.py.\n")
        for number, (name, text) in enumerate(scripts()):
            if number % step == 0:
                file.write("--- %s; exit=6; says=max; instructions_max=200000; memory_max=8388608; output_max=20000\n%s"
                           % (name, text))
    os.execv(hostile, [hostile, path])


main(sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["1"])[0]))
