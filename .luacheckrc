-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 120
self = false
exclude_files = { "build*/**", "bench/peers/node_modules/**" }
