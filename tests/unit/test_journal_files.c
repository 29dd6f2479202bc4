/* SPDX-License-Identifier: MIT */
/* The file of the journal: making, modes, versions, reading only, purge, cursors. */
#include "test_journal_help.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int mode_of(const struct place *p, const char *name)
{
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    return stat(path, &st) < 0 ? -1 : (int)(st.st_mode & 07777);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void files_are_for_their_owner_only(void **state)
{
    struct place *p = *state;
    mode_t old = umask(0);
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    plan(j, "a");
    flush(j);
    umask(old);
    assert_int_equal(mode_of(p, "state"), 0700);
    assert_int_equal(mode_of(p, "state/moonlever"), 0700);
    assert_int_equal(mode_of(p, "state/moonlever/journal.db"), 0600);
    assert_int_equal(mode_of(p, "state/moonlever/journal.db-wal"), 0600);
    assert_int_equal(mode_of(p, "state/moonlever/journal.db-shm"), 0600);
    assert_int_equal(mode_of(p, "state/moonlever/journal.lock"), 0600);
    ml_journal_close(j);
    assert_int_equal(mode_of(p, "state/moonlever/journal.db-wal"), -1);
}

/* Opens and expects a refusal that holds `why`. */
static void expect_refusal(const char *path, bool read_only, const char *why)
{
    struct ml_err err = {0};
    struct ml_journal *j = (struct ml_journal *)&err;
    struct ml_journal_conf conf = {.path = path, .read_only = read_only};
    assert_int_equal(ml_journal_open(&conf, &j, &err), -1);
    assert_null(j);
    assert_int_equal(err.kind, ML_USAGE);
    if (!strstr(err.text, why))
        fail_msg("no \"%s\" in: %s", why, err.text);
}

static void a_newer_journal_is_refused_with_the_way_out(void **state)
{
    struct place *p = *state;
    ml_journal_close(open_at(p->path));
    assert_int_equal(sql_run(p->path, "PRAGMA user_version = 3"), SQLITE_OK);
    expect_refusal(p->path, false, "newer moonlever");
    expect_refusal(p->path, false, p->path);
    expect_refusal(p->path, false, "XDG_STATE_HOME");
    expect_refusal(p->path, true, "newer moonlever");
    assert_string_equal(sql_text(p->path, "PRAGMA user_version"), "3");
}

static void what_is_no_journal_is_left_alone(void **state)
{
    struct place *p = *state;
    char path[120];
    snprintf(path, sizeof path, "%s/other.db", p->dir);
    assert_int_equal(sql_run(path, "CREATE TABLE t(x)"), SQLITE_OK);
    expect_refusal(path, false, "another program");
    expect_refusal(path, true, "another program");
    assert_string_equal(sql_text(path, "PRAGMA journal_mode"), "delete");
    snprintf(path, sizeof path, "%s/text.db", p->dir);
    write_file(path, "This is a letter to my grandmother, and it is not a database at all.");
    expect_refusal(path, false, "not a database");
    expect_refusal(path, true, "not a database");
}

static void places_that_cannot_be(void **state)
{
    struct place *p = *state;
    char path[200];
    expect_refusal("", false, "no path");
    expect_refusal(NULL, false, "no path");
    snprintf(path, sizeof path, "%s/file", p->dir);
    write_file(path, "");
    snprintf(path, sizeof path, "%s/file/moonlever/journal.db", p->dir);
    expect_refusal(path, false, "Not a directory");
    expect_refusal(path, true, "see to the owner and mode");
    snprintf(path, sizeof path, "%s/d1.db", p->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal(path, false, "cannot open the journal");
    expect_refusal(path, true, "cannot open the journal");
    snprintf(path, sizeof path, "%s/d2.lock", p->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/d2.db", p->dir);
    expect_refusal(path, false, "Is a directory");
    snprintf(path, sizeof path, "%s/d3.db", p->dir);
    assert_int_equal(symlink("nowhere/at/all", path), 0);
    expect_refusal(path, false, "cannot open the journal");
    /* Where no process can write, not even root. */
    expect_refusal("/proc/moonlever/journal.db", false, "cannot make the directory");
    expect_refusal("/proc/journal.db", false, "cannot open");
}

static void a_path_that_is_too_long_is_no_lack_of_memory(void **state)
{
    struct place *p = *state;
    static const size_t lens[] = {300, 5000, 70000};
    for (int i = 0; i < 3; i++) {
        char *path = calloc(1, lens[i] + 1);
        assert_non_null(path);
        memset(path, 'x', lens[i]);
        memcpy(path, p->dir, strlen(p->dir));
        path[strlen(p->dir)] = '/';
        expect_refusal(path, false, "File name too long");
        expect_refusal(path, true, "cannot open the journal");
        free(path);
    }
}

static void a_name_without_directory_is_in_this_one(void **state)
{
    struct place *p = *state;
    char *here = getcwd(NULL, 0);
    assert_int_equal(chdir(p->dir), 0);
    struct ml_journal *j = open_at("j");
    begin(j, "r1");
    ml_journal_close(j);
    assert_int_equal(chdir(here), 0);
    free(here);
    assert_int_equal(mode_of(p, "j"), 0600);
    assert_int_equal(mode_of(p, "j.lock"), 0600);
}

/* SQLite's own name for a database that is nowhere cannot have a WAL. */
static void a_file_system_without_shared_memory(void **state)
{
    struct place *p = *state;
    char *here = getcwd(NULL, 0);
    assert_int_equal(chdir(p->dir), 0);
    expect_refusal(":memory:", false, "XDG_STATE_HOME");
    assert_int_equal(chdir(here), 0);
    free(here);
}

static void a_long_path_leaves_room_for_the_reason(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    char path[500];
    snprintf(path, sizeof path, "%s/%0200d/%0200d/journal.db", p->dir, 1, 2);
    struct ml_journal *j = open_at(path);
    begin(j, "r1");
    move(j, 1, ML_CHANGE_FAILED);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_non_null(strstr(err.text, "002/journal.db refused a step"));
    assert_non_null(strstr(err.text, "go on with: moonlever resume r1"));
    ml_journal_close(j);
}

static void an_empty_file_becomes_a_journal(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j;
    char path[120];
    snprintf(path, sizeof path, "%s/journal.db", p->dir);
    write_file(path, "");
    struct ml_journal_conf conf = {.path = path, .read_only = true};
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    assert_null(j);
    j = open_at(path);
    begin(j, "r1");
    ml_journal_close(j);
    assert_string_equal(sql_text(path, "PRAGMA user_version"), "1");
    assert_string_equal(sql_text(path, "PRAGMA journal_mode"), "wal");
}

static void reading_only_makes_nothing(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j;
    struct ml_journal_conf conf = {.path = p->path, .read_only = true};
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    assert_null(j);
    assert_int_equal(mode_of(p, "state"), -1);
}

static void reading_only_sees_others_and_writes_nothing(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *w = open_at(p->path), *j;
    struct ml_journal_run run = {.id = "r2", .kind = "run", .started = 1};
    struct ml_journal_change change = change_of("a");
    struct ml_journal_conf conf = {.path = p->path, .read_only = true};
    begin(w, "r1");
    whole(w, "a", ML_CHANGE_CONFIRMED);
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    assert_non_null(j);
    assert_true(ml_journal_is_running(j, 1));
    assert_false(ml_journal_is_running(j, 2));
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "C|1|;");
    whole(w, "b", ML_CHANGE_FAILED);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "C|1|;F|1|;");
    assert_int_equal(ml_journal_begin(j, &run, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_int_equal(ml_journal_resume(j, "r1", &err), -1);
    assert_int_equal(ml_journal_end(j, "done", 0, 0, 1, &err), -1);
    assert_int_equal(ml_journal_purge(j, 100, &err), -1);
    assert_int_equal(ml_journal_plan(j, &change), 0);
    assert_int_equal(ml_journal_ticket(j, 1), ML_TICKET_BROKEN);
    assert_false(ml_journal_broken(j, &err));
    assert_int_equal(ml_journal_flush(j, &err), 0);
    end(w);
    assert_false(ml_journal_is_running(j, 1));
    ml_journal_close(w);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " run state "), "r1|done|;");
    ml_journal_close(j);
    /* Without its lock file nothing is known to run. */
    char lock[200];
    snprintf(lock, sizeof lock, "%s/state/moonlever/journal.lock", p->dir);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    assert_false(ml_journal_is_running(j, 1));
    ml_journal_close(j);
}

/* In children: many processes make one journal at the same moment. */
static void several_make_it_at_once(void **state)
{
    enum { CHILDREN = 8 };
    struct place *p = *state;
    int start[2], status;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0) {
            char byte, id[20];
            struct ml_err err;
            struct ml_journal *j;
            struct ml_journal_run run = {.id = id, .kind = "run", .started = 1};
            snprintf(id, sizeof id, "r%d", i);
            close(start[1]);
            if (read(start[0], &byte, 1) != 0 ||
                ml_journal_open(&(struct ml_journal_conf){.path = p->path}, &j, &err) < 0 ||
                ml_journal_begin(j, &run, &err) < 0)
                _exit(1);
            ml_journal_close(j);
            _exit(0);
        }
    close(start[0]);
    close(start[1]); /* now */
    for (int i = 0; i < CHILDREN; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM run"), "8");
}

/* A run with one change, begun at `started` and ended at `ended` (0: its process died). */
static void old_run(struct ml_journal *j, const char *id, const char *undo_of, int64_t started,
                    int64_t ended, enum ml_change_state state)
{
    struct ml_err err;
    struct ml_journal_run run = {
        .id = id, .kind = undo_of ? "undo" : "run", .undo_of = undo_of, .started = started};
    struct ml_journal_change change = change_of(id);
    struct ml_journal_attempt a = {.sends = 1, .status = 200, .at = started};
    assert_int_equal(ml_journal_begin(j, &run, &err), 0);
    uint64_t seq = ml_journal_plan(j, &change);
    ml_journal_send(j, seq, 1, started);
    if (state != ML_CHANGE_SENT)
        ml_journal_note(j, seq, 1, &a, &(struct ml_journal_end){.state = state, .at = started});
    if (ended)
        assert_int_equal(ml_journal_end(j, "done", 0, 0, ended, &err), 0);
    flush(j);
}

static void dead_run(struct place *p, const char *id, int64_t started,
                     enum ml_change_state state)
{
    struct ml_journal *j = open_at(p->path);
    old_run(j, id, NULL, started, 0, state);
    ml_journal_close(j);
}

static void purge_takes_what_is_old_and_at_rest(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path), *other = open_at(p->path);
    old_run(j, "old", NULL, 100, 200, ML_CHANGE_CONFIRMED);
    old_run(j, "new", NULL, 100, 900, ML_CHANGE_CONFIRMED);
    old_run(j, "open", NULL, 100, 200, ML_CHANGE_UNKNOWN);
    old_run(j, "undone", NULL, 100, 200, ML_CHANGE_CONFIRMED);
    old_run(j, "undo", "undone", 100, 200, ML_CHANGE_PLANNED);
    old_run(j, "source", NULL, 100, 200, ML_CHANGE_CONFIRMED);
    old_run(j, "sourceundo", "source", 100, 900, ML_CHANGE_FAILED);
    dead_run(p, "dead", 100, ML_CHANGE_PLANNED);
    dead_run(p, "deadnew", 600, ML_CHANGE_PLANNED);
    dead_run(p, "deadopen", 100, ML_CHANGE_SENT);
    old_run(other, "busy", NULL, 100, 0, ML_CHANGE_FAILED);
    old_run(j, "mine", NULL, 100, 0, ML_CHANGE_FAILED);
    struct ml_cursor *reader = ml_cursor_open(j, ML_QUERY_RUNS, NULL, &err);
    assert_int_equal(ml_cursor_next(reader, &err), 1);
    assert_int_equal(ml_journal_purge(j, 500, &err), 4); /* old, undo, source, dead */
    ml_cursor_close(reader);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " run "),
                        "mine|;busy|;deadopen|;deadnew|;sourceundo|;undone|;open|;new|;");
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut WHERE id >> 32 NOT IN"
                                          " (SELECT no FROM run)"),
                        "0");
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM attempt WHERE mut NOT IN"
                                          " (SELECT id FROM mut)"),
                        "0");
    /* What is at work keeps its lock, what was looked at does not. */
    assert_true(ml_journal_is_running(other, 12));
    assert_false(ml_journal_is_running(other, 9));
    assert_int_equal(ml_journal_purge(other, 500, &err), 1); /* the undo is gone: undone */
    assert_int_equal(ml_journal_purge(other, 500, &err), 0);
    ml_journal_close(other);
    end(j);
    assert_int_equal(ml_journal_purge(j, 1000, &err), 5);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " run "), "deadopen|;open|;");
    begin(j, "next"); /* numbers are never used again */
    assert_string_equal(rows(j, ML_QUERY_RUN, "next", " no "), "13|;");
    ml_journal_close(j);
}

static bool holds(const char *path, const char *text)
{
    FILE *f = fopen(path, "r");
    size_t len = strlen(text), n;
    bool found = false;
    char bytes[65536];
    if (!f)
        return false;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0 && !found)
        found = memmem(bytes, n, text, len);
    fclose(f);
    return found;
}

static void purge_overwrites_what_it_deletes(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    char wal[200];
    snprintf(wal, sizeof wal, "%s-wal", p->path);
    begin(j, "r1");
    struct ml_journal_change change = change_of("a");
    change.before = "{\"email\":\"somebody@example.org\"}";
    ml_journal_plan(j, &change);
    end(j);
    assert_true(holds(wal, "somebody@example.org"));
    assert_int_equal(ml_journal_purge(j, 1000, &err), 1);
    assert_false(holds(wal, "somebody@example.org"));
    assert_false(holds(p->path, "somebody@example.org"));
    ml_journal_close(j);
}

static void cursors_may_be_left_early_and_side_by_side(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    char id[20];
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof id, "r%d", i);
        begin(j, id);
        end(j);
    }
    strcpy(id, "r1");
    struct ml_cursor *a = ml_cursor_open(j, ML_QUERY_RUNS, NULL, &err);
    struct ml_cursor *b = ml_cursor_open(j, ML_QUERY_RUN, id, &err);
    strcpy(id, "r2"); /* the parameter was copied */
    assert_int_equal(ml_cursor_next(a, &err), 1);
    assert_int_equal(ml_cursor_next(b, &err), 1);
    assert_int_equal(ml_cursor_integer(b, 0), 2);
    assert_string_equal(ml_cursor_name(b, 1), "run");
    assert_int_equal(ml_cursor_next(b, &err), 0);
    assert_int_equal(ml_cursor_next(b, &err), 0); /* and does not begin again */
    ml_cursor_close(b);
    ml_cursor_close(a);
    ml_cursor_close(NULL);
    ml_journal_close(j);
}

static void values_of_each_type(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    struct ml_journal_change change = change_of("a");
    size_t len = 99;
    begin(j, "r1");
    change.body = "a\0b\xff";
    change.body_len = 4;
    ml_journal_plan(j, &change);
    change.body_len = 0;
    ml_journal_plan(j, &change);
    change.body = NULL;
    change.body_len = 7;
    ml_journal_plan(j, &change);
    flush(j);
    struct ml_cursor *c = ml_cursor_open(j, ML_QUERY_CHANGES, "r1", &err);
    int body = 0;
    while (strcmp(ml_cursor_name(c, body), "body") != 0)
        body++;
    assert_int_equal(ml_cursor_next(c, &err), 1);
    assert_int_equal(ml_cursor_type(c, 0), ML_COLUMN_INTEGER);
    assert_int_equal(ml_cursor_type(c, 2), ML_COLUMN_TEXT);
    assert_int_equal(ml_cursor_type(c, body), ML_COLUMN_TEXT);
    assert_memory_equal(ml_cursor_text(c, body, &len), "a\0b\xff", 4);
    assert_int_equal(len, 4);
    assert_int_equal(ml_cursor_next(c, &err), 1);
    assert_int_equal(ml_cursor_type(c, body), ML_COLUMN_TEXT);
    assert_non_null(ml_cursor_text(c, body, &len));
    assert_int_equal(len, 0);
    assert_int_equal(ml_cursor_next(c, &err), 1);
    assert_int_equal(ml_cursor_type(c, body), ML_COLUMN_NULL);
    assert_null(ml_cursor_text(c, body, &len));
    assert_int_equal(len, 0);
    assert_int_equal(ml_cursor_next(c, &err), 0);
    ml_cursor_close(c);
    ml_journal_close(j);
}

static void queries_by_name(void **state)
{
    static const char *const names[] = {"runs",     "run",  "counts",  "changes",
                                        "attempts", "open", "undo_of", "applied"};
    (void)state;
    for (int i = 0; i < ML_QUERIES; i++)
        assert_int_equal(ml_query_find(names[i]), i);
    assert_int_equal(ml_query_find("mut"), ML_QUERIES);
}

static void a_damaged_file_is_named(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    char rkey[20];
    begin(j, "r1");
    for (int i = 0; i < 300; i++) {
        snprintf(rkey, sizeof rkey, "k%d", i);
        plan(j, rkey);
    }
    ml_journal_close(j);
    int fd = open(p->path, O_RDWR);
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    off_t end = lseek(fd, 0, SEEK_END) / 4096; /* the first ones say what the file is */
    for (off_t page = end - 6; page < end; page++)
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    close(fd);
    assert_int_equal(
        ml_journal_open(&(struct ml_journal_conf){.path = p->path, .read_only = true}, &j,
                        &err),
        0);
    struct ml_cursor *c = ml_cursor_open(j, ML_QUERY_CHANGES, "r1", &err);
    int more = c ? 1 : -1;
    while (more == 1)
        more = ml_cursor_next(c, &err);
    assert_int_equal(more, -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, "malformed"));
    assert_non_null(strstr(err.text, p->path));
    assert_int_equal(c ? ml_cursor_next(c, &err) : 0, 0);
    ml_cursor_close(c);
    ml_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_for_their_owner_only),
        TEST(a_newer_journal_is_refused_with_the_way_out),
        TEST(what_is_no_journal_is_left_alone),
        TEST(places_that_cannot_be),
        TEST(a_path_that_is_too_long_is_no_lack_of_memory),
        TEST(a_name_without_directory_is_in_this_one),
        TEST(a_file_system_without_shared_memory),
        TEST(a_long_path_leaves_room_for_the_reason),
        TEST(an_empty_file_becomes_a_journal),
        TEST(reading_only_makes_nothing),
        TEST(reading_only_sees_others_and_writes_nothing),
        TEST(several_make_it_at_once),
        TEST(purge_takes_what_is_old_and_at_rest),
        TEST(purge_overwrites_what_it_deletes),
        TEST(cursors_may_be_left_early_and_side_by_side),
        TEST(values_of_each_type),
        TEST(queries_by_name),
        TEST(a_damaged_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
