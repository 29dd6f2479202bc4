/* SPDX-License-Identifier: MIT */
/*
 * `moonlever completion SHELL`: a few lines for the shell, which ask the program
 * itself (cmd_complete.c) each time. So what is offered never falls behind.
 */
#include "cli/cmd.h"

#include <string.h>

/* The words of the line are those of the shell: what it splits at "=" is put together again by
 * the program. */
static const char bash[] = "# bash completion for moonlever\n"
                           "_moonlever() {\n"
                           "  local line\n"
                           "  COMPREPLY=()\n"
                           "  while IFS= read -r line; do\n"
                           "    if [[ $line == :files ]]; then\n"
                           "      compopt -o filenames 2>/dev/null\n"
                           "      while IFS= read -r line; do COMPREPLY+=(\"$line\"); done \\\n"
                           "        < <(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
                           "    else\n"
                           "      COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
                           "    fi\n"
                           "  done < <(\"${COMP_WORDS[0]}\" __complete "
                           "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
                           "}\n"
                           "complete -F _moonlever moonlever\n";

static const char zsh[] =
    "#compdef moonlever\n"
    "# zsh completion for moonlever\n"
    "_moonlever() {\n"
    "  local line files=0\n"
    "  local -a found\n"
    "  while IFS= read -r line; do\n"
    "    if [[ $line == :files ]]; then\n"
    "      files=1\n"
    "    else\n"
    "      found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    fi\n"
    "  done < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "  (( $#found )) && _describe -V moonlever found\n"
    "  (( files )) && _files\n"
    "  return 0\n"
    "}\n"
    "if [[ $funcstack[1] == _moonlever ]]; then\n"
    "  _moonlever \"$@\"\n"
    "else\n"
    "  compdef _moonlever moonlever\n"
    "fi\n";

static const char fish[] =
    "# fish completion for moonlever\n"
    "function __moonlever_complete\n"
    "  set -l words (commandline -opc)\n"
    "  set -l word (commandline -ct)\n"
    "  for line in ($words[1] __complete $words[2..-1] \"$word\" 2>/dev/null)\n"
    "    if test \"$line\" = :files\n"
    "      __fish_complete_path \"$word\"\n"
    "    else\n"
    "      echo $line\n"
    "    end\n"
    "  end\n"
    "end\n"
    "complete -c moonlever -f -a '(__moonlever_complete)'\n";

int ml_cmd_completion(const struct ml_options *o, struct ml_term *t)
{
    const char *shell = o->words[0];
    fputs(strcmp(shell, "bash") == 0  ? bash
          : strcmp(shell, "zsh") == 0 ? zsh
                                      : fish,
          t->out.file);
    return ML_EXIT_DONE;
}
