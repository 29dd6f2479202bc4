-- SPDX-License-Identifier: MIT
-- Started by the program for shells that complete a word: a line for each that may stand
-- there, a tab, and what it is. Its arguments: what is wanted, the word so far, and more:
--
--   profiles WORD NAME…      names of profiles (NAME: those with a stored token)
--   services WORD            services
--   resources WORD SERVICE   resources, and their methods that read
--   names WORD               what help knows: screendesk.recordings.update
--   runs WORD                ids of the latest runs
--   arguments WORD FILE TEXT arguments of a script (TEXT: of a ready-made one)
--
-- The header of a script is looked at, and the script is not run. Whatever goes wrong,
-- nothing is offered: a broken file must not spill into somebody's command line.

local raw = require "moonlever.raw"

require("moonlever.words").main(raw.args(), require "moonlever.history.host")
