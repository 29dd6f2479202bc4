/* SPDX-License-Identifier: MIT */
/* What programs that are built already rely on: a change here is another soname, or it goes to
 * the end of the structure. */
#include <moonlever.h>

#define AT(field, offset) \
    _Static_assert(offsetof(struct moonlever_status, field) == (offset), #field " has moved")

AT(size, 0);
AT(requests, 8);
AT(retries, 16);
AT(in_flight, 24);
AT(queued, 32);
AT(items_done, 40);
AT(items_total, 48);
AT(changes_done, 56);
AT(changes_failed, 64);
AT(changes_total, 72);
AT(upload_done, 80);
AT(upload_total, 88);
AT(pause_us, 96);
AT(pause_status, 104);
AT(current, 108);
AT(memory, 208);
AT(instructions, 216);
AT(script_us, 224);
_Static_assert(sizeof(struct moonlever_status) == 232, "the size of moonlever_status");

_Static_assert(MOONLEVER_OK == 0 && MOONLEVER_EUSAGE == -1 && MOONLEVER_ENOMEM == -2 &&
                   MOONLEVER_ESYSTEM == -3 && MOONLEVER_EBUSY == -4 && MOONLEVER_ELOCKED == -5,
               "the numbers of errors");
_Static_assert(MOONLEVER_LOG_ERROR == 0 && MOONLEVER_LOG_WARN == 1 && MOONLEVER_LOG_INFO == 2 &&
                   MOONLEVER_LOG_DEBUG == 3,
               "the numbers of log levels");

int (*const open_module)(struct lua_State *) = luaopen_moonlever;
