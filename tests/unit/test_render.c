/* SPDX-License-Identifier: MIT */
/*
 * What reaches a terminal: harmless text, and numbers for people.
 */
#include "cli/format.h"
#include "cli/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void becomes_n(const char *text, size_t len, const char *want)
{
    struct ml_buf b;
    ml_buf_create(&b, 1000);
    assert_int_equal(ml_render(&b, text, len), 0);
    assert_string_equal(ml_buf_str(&b), want);
    ml_buf_destroy(&b);
}

#define BECOMES(text, want) becomes_n(text, sizeof text - 1, want)

static void plain_text_stays(void **state)
{
    (void)state;
    BECOMES("", "");
    BECOMES("a title\twith a tab\nand a line\n", "a title\twith a tab\nand a line\n");
    BECOMES("Grüße 請求書 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
            "Grüße 請求書 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf");
    BECOMES("\xc2\xa0 \xed\x9f\xbf \xee\x80\x80", "\xc2\xa0 \xed\x9f\xbf \xee\x80\x80");
}

static void controls_become_visible(void **state)
{
    (void)state;
    BECOMES("a\x1b[2Jb", "a\\x1B[2Jb");
    BECOMES("over\rwritten\b\a", "over\\x0Dwritten\\x08\\x07");
    BECOMES("\0nul", "\\x00nul");
    BECOMES("\x7f", "\\x7F");
    BECOMES("\xc2\x9b"
            "31m",
            "\\u{9B}31m"); /* CSI as one character */
    BECOMES("\xc2\x80\xc2\x9f", "\\u{80}\\u{9F}");
}

static void line_ends_of_csv_are_line_ends(void **state)
{
    (void)state;
    BECOMES("a,b\r\n1,2\r\n", "a,b\n1,2\n");
    BECOMES("\r\r\n\n\r", "\\x0D\n\n\\x0D");
}

static void bidi_controls_become_visible(void **state)
{
    (void)state;
    BECOMES("\u202Egnp.exe", "\\u{202E}gnp.exe");
    BECOMES("\u061c\u200e\u200f\u202a\u2066\u2069",
            "\\u{61C}\\u{200E}\\u{200F}\\u{202A}\\u{2066}\\u{2069}");
    BECOMES("\u2028\u2029", "\\u{2028}\\u{2029}");
    BECOMES("\u2027\u202f\u2065\u206a", "\u2027\u202f\u2065\u206a");
}

static void broken_utf8_becomes_visible(void **state)
{
    (void)state;
    BECOMES("\xff\xfe", "\\xFF\\xFE");
    BECOMES("\x80", "\\x80");
    BECOMES("a\xc3", "a\\xC3");
    BECOMES("\xc3(", "\\xC3(");
    BECOMES("\xc0\xaf", "\\xC0\\xAF");                   /* overlong "/" */
    BECOMES("\xe0\x80\xaf", "\\xE0\\x80\\xAF");          /* overlong */
    BECOMES("\xed\xa0\x80", "\\xED\\xA0\\x80");          /* surrogate */
    BECOMES("\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"); /* above U+10FFFF */
    BECOMES("\xe8\xab\x1b", "\\xE8\\xAB\\x1B");
    BECOMES("\xf0\x9f\x98", "\\xF0\\x9F\\x98");
}

static void the_ceiling_holds(void **state)
{
    (void)state;
    struct ml_buf b;
    ml_buf_create(&b, 3);
    assert_int_equal(ml_render(&b, "abcd", 4), -1);
    assert_int_equal(ml_render(&b, "\x1b", 1), -1);
    assert_true(b.len <= 3);
    ml_buf_destroy(&b);
}

static void tails_of_pieces(void **state)
{
    (void)state;
    assert_int_equal(ml_render_tail("", 0), 0);
    assert_int_equal(ml_render_tail("abc", 3), 0);
    assert_int_equal(ml_render_tail("a\xc3", 2), 1);
    assert_int_equal(ml_render_tail("a\xc3\xbc", 3), 0);
    assert_int_equal(ml_render_tail("\xe8\xab", 2), 2);
    assert_int_equal(ml_render_tail("\xf0\x9f\x98", 3), 3);
    assert_int_equal(ml_render_tail("\xed\xa0", 2), 0); /* can never become a character */
    assert_int_equal(ml_render_tail("\x80\x80", 2), 0);
    assert_int_equal(ml_render_tail("a\r", 2), 1);
    assert_int_equal(ml_render_tail("\r\n", 2), 0);
}

/* However a text is cut, the pieces show what the whole shows. */
static void pieces_show_the_same(void **state)
{
    (void)state;
    static const char text[] =
        "\u8acb\u6c42 \x1b[31m \u202E \xf0\x9f\x98\x80 \xff a\rb\r\n end";
    size_t len = sizeof text - 1;
    struct ml_buf whole, pieces;
    ml_buf_create(&whole, 1000);
    ml_buf_create(&pieces, 1000);
    assert_int_equal(ml_render(&whole, text, len), 0);
    for (size_t cut = 0; cut <= len; cut++) {
        size_t keep = ml_render_tail(text, cut);
        ml_buf_clear(&pieces);
        assert_int_equal(ml_render(&pieces, text, cut - keep), 0);
        assert_int_equal(ml_render(&pieces, text + cut - keep, len - cut + keep), 0);
        assert_string_equal(ml_buf_str(&pieces), ml_buf_str(&whole));
    }
    ml_buf_destroy(&whole);
    ml_buf_destroy(&pieces);
}

static void counts_and_rates(void **state)
{
    (void)state;
    struct ml_buf b;
    ml_buf_create(&b, 200);
    assert_int_equal(ml_format_count(&b, 0), 0);
    ml_buf_adds(&b, " ");
    ml_format_count(&b, 999);
    ml_buf_adds(&b, " ");
    ml_format_count(&b, 1000);
    ml_buf_adds(&b, " ");
    ml_format_count(&b, 1002003);
    ml_buf_adds(&b, " ");
    ml_format_count(&b, UINT64_MAX);
    assert_string_equal(b.data, "0 999 1,000 1,002,003 18,446,744,073,709,551,615");
    ml_buf_clear(&b);
    ml_format_rate(&b, 0);
    ml_buf_adds(&b, " ");
    ml_format_rate(&b, 9.94);
    ml_buf_adds(&b, " ");
    ml_format_rate(&b, 9.96);
    ml_buf_adds(&b, " ");
    ml_format_rate(&b, 1234.5);
    assert_string_equal(b.data, "0.0/s 9.9/s 10/s 1,235/s");
    ml_buf_destroy(&b);
}

static void lasts(int64_t seconds, const char *want)
{
    struct ml_buf b;
    ml_buf_create(&b, 100);
    assert_int_equal(ml_format_duration(&b, seconds), 0);
    assert_string_equal(b.data, want);
    ml_buf_destroy(&b);
}

static void durations(void **state)
{
    (void)state;
    lasts(-5, "0 s");
    lasts(0, "0 s");
    lasts(59, "59 s");
    lasts(60, "1 min");
    lasts(320, "5 min 20 s");
    lasts(3600, "1 h");
    lasts(7500, "2 h 5 min");
    lasts(86400 * 3 + 3600 * 4 + 59, "3 d 4 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(controls_become_visible),
        cmocka_unit_test(line_ends_of_csv_are_line_ends),
        cmocka_unit_test(bidi_controls_become_visible),
        cmocka_unit_test(broken_utf8_becomes_visible),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(tails_of_pieces),
        cmocka_unit_test(pieces_show_the_same),
        cmocka_unit_test(counts_and_rates),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
