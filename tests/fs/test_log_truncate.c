/*
 * Checkpoints: what a truncate drops and keeps, the room that is used again, cursors beside it, and
 * random games of appends, truncates and opens against a model.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static whorl_log log_here;

static void open_here(size_t reserve)
{
    whorl_log_options options = {.reserve = reserve};
    check_equal(whorl_log_open(&log_here, path_of("log").text, &options), 0);
}

static off_t size_here(void)
{
    struct stat seen = {0};
    check_equal(stat(path_of("log").text, &seen), 0);
    return seen.st_size;
}

static intptr_t drop_some(void *arg)
{
    int64_t lsns[4];
    (void)arg;
    whorl_log_cursor cursor;
    whorl_log_record record;
    open_here(0);
    for (int i = 0; i < 4; i++)
        lsns[i] = whorl_log_append(&log_here, &i, sizeof i);
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    check_equal(whorl_log_truncate(&log_here, lsns[2]), 0);
    check_equal(whorl_log_first(&log_here), lsns[2]);
    check_equal(whorl_log_cursor_next(&cursor, &record), -ESTALE);
    check_equal(whorl_log_cursor_end(&cursor), 0);
    check_equal(whorl_log_truncate(&log_here, lsns[1]), 0);
    check_equal(whorl_log_truncate(&log_here, lsns[2] + 1), -EINVAL);
    check_equal(whorl_log_truncate(&log_here, whorl_log_end(&log_here) + 1), -EINVAL);
    for (int opens = 0; opens < 2; opens++) {
        check_equal(whorl_log_cursor_begin(&cursor, &log_here, lsns[1]), 0);
        for (int i = 2; i < 4; i++)
            check_next(&cursor, lsns[i], &i, sizeof i);
        check_no_next(&cursor);
        check_equal(whorl_log_cursor_end(&cursor), 0);
        check_equal(whorl_log_close(&log_here), 0);
        open_here(0);
    }
    check_equal(whorl_log_truncate(&log_here, whorl_log_end(&log_here)), 0);
    check_equal(whorl_log_first(&log_here), whorl_log_end(&log_here));
    check_equal(whorl_log_close(&log_here), 0);
    open_here(0);
    check_equal(whorl_log_first(&log_here), 48);
    check_equal(whorl_log_append(&log_here, "more", 4), 48);
    return whorl_log_close(&log_here);
}

static void a_truncate_drops_what_is_before_and_keeps_what_is_after(void **state)
{
    (void)state;
    run_checks(drop_some, NULL);
}

/* Many checkpoints, of all or of all but the last; what was logged is a hundred times as long as
 * the file becomes. */
static intptr_t use_room_again(void *arg)
{
    static char data[10000];
    int keeps = *(int *)arg;
    open_here(64 << 10);
    for (int round = 0; round < 100; round++) {
        int64_t last = 0;
        for (int i = 0; i < 10; i++)
            last = whorl_log_append(&log_here, data, sizeof data);
        check_equal(whorl_log_truncate(&log_here, keeps ? last : whorl_log_end(&log_here)), 0);
    }
    check(whorl_log_end(&log_here) > 100 * 100000);
    check(size_here() < 400000);
    check_equal(whorl_log_close(&log_here), 0);
    open_here(0);
    whorl_log_stats stats;
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.recovered, keeps);
    check_equal(stats.dropped, 0);
    return whorl_log_close(&log_here);
}

static void the_room_of_what_was_dropped_is_used_again(void **state)
{
    int keeps = 0;
    (void)state;
    run_checks(use_room_again, &keeps);
    unlink(path_of("log").text);
    keeps = 1;
    run_checks(use_room_again, &keeps);
}

/* --- A game against a model --- */

enum { MOVES = 150, RECORDS_MAX = MOVES * 8, LONGEST = 20000 };

struct model_record {
    int64_t lsn;
    size_t len;
    unsigned char seed;
};

static struct {
    random_source source;
    struct model_record records[RECORDS_MAX];
    size_t first, count;
    unsigned char bytes[LONGEST];
} game;

static long moves[4];

static void fill(unsigned char seed, size_t len)
{
    for (size_t i = 0; i < len; i++)
        game.bytes[i] = (unsigned char)(seed * (i + 1) >> 1);
}

static void check_game(void)
{
    whorl_log_cursor cursor;
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    for (size_t i = game.first; i < game.count; i++) {
        fill(game.records[i].seed, game.records[i].len);
        check_next(&cursor, game.records[i].lsn, game.bytes, game.records[i].len);
    }
    check_no_next(&cursor);
    check_equal(whorl_log_cursor_end(&cursor), 0);
}

static void move_append(void)
{
    struct model_record *record = &game.records[game.count++];
    record->len = random_below(&game.source, random_below(&game.source, 4) ? 200 : LONGEST);
    record->seed = (unsigned char)random_next(&game.source);
    fill(record->seed, record->len);
    record->lsn = whorl_log_append(&log_here, game.bytes, record->len);
    check(record->lsn >= 0);
}

static void move_truncate(void)
{
    size_t to = game.first + random_below(&game.source, game.count - game.first + 1);
    if (random_below(&game.source, 3) == 0)
        to = game.count;
    int64_t lsn = to < game.count ? game.records[to].lsn : whorl_log_end(&log_here);
    check_equal(whorl_log_truncate(&log_here, lsn), 0);
    check_equal(whorl_log_first(&log_here), lsn);
    game.first = to;
}

/* As after a crash: what is in the file is copied while the log is open, and opened instead. */
static void move_crash(void)
{
    static char copy[16 << 20];
    test_path path = path_of("log");
    ssize_t size = read_whole(path.text, copy, sizeof copy);
    check(size > 0);
    check_equal(whorl_log_close(&log_here), 0);
    write_whole(path.text, copy, (size_t)size);
    open_here(4096);
    whorl_log_stats stats;
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.dropped, 0);
    check_equal(stats.recovered, game.count - game.first);
}

static intptr_t play(void *arg)
{
    (void)arg;
    open_here(4096);
    game.first = game.count = 0;
    for (int i = 0; i < MOVES && failed_checks() == 0; i++) {
        uint64_t which = random_below(&game.source, 10);
        moves[which < 6 ? 0 : which < 8 ? 1 : which == 8 ? 2 : 3]++;
        for (int times = 0; which < 6 && times < 4; times++)
            move_append();
        if (which == 6 || which == 7)
            move_truncate();
        if (which == 8)
            move_crash();
        if (which == 9) {
            check_equal(whorl_log_close(&log_here), 0);
            open_here(random_below(&game.source, 2) ? 4096 : WHORL_LOG_NO_RESERVE);
        }
        check_game();
    }
    return whorl_log_close(&log_here);
}

static void appends_truncates_crashes_and_opens_agree_with_a_model(void **state)
{
    (void)state;
    game.source = random_from_seed(11);
    for (long i = test_rounds(10); i > 0; i--) {
        unlink(path_of("log").text);
        run_checks(play, NULL);
    }
    printf("%ld times appends, %ld truncates, %ld crashes, %ld closes\n", moves[0], moves[1],
           moves[2], moves[3]);
}

/* --- Cursors beside all of it --- */

static bool is_over;

static intptr_t write_on(void *arg)
{
    random_source source = random_from_seed(12);
    unsigned char bytes[3000];
    (void)arg;
    for (int i = 0; i < 1500; i++) {
        size_t len = 8 + random_below(&source, sizeof bytes - 8);
        int64_t lsn = whorl_log_end(&log_here);
        memset(bytes, (int)(lsn % 251), len);
        check_equal(whorl_log_append(&log_here, bytes, len), lsn);
        if (random_below(&source, 20) == 0)
            check_equal(whorl_log_truncate(
                            &log_here, random_below(&source, 2) ? lsn : whorl_log_end(&log_here)),
                        0);
    }
    is_over = true;
    return 0;
}

/* Each record is whole and in its place, whatever has been dropped; only that may be missing. */
static intptr_t read_on(void *arg)
{
    long *read = arg;
    whorl_log_cursor cursor;
    whorl_log_record record;
    check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
    while (!is_over) {
        int found = whorl_log_cursor_next(&cursor, &record);
        if (found == 1) {
            const unsigned char *bytes = record.data;
            for (size_t i = 0; i < record.len; i++)
                if (bytes[i] != record.lsn % 251)
                    return check_failed("byte %zu of %lld", i, (long long)record.lsn);
            read[0]++;
        } else if (found == -ESTALE) {
            check_equal(whorl_log_cursor_end(&cursor), 0);
            check_equal(whorl_log_cursor_begin(&cursor, &log_here, 0), 0);
            read[1]++;
        } else {
            check_equal(found, 0);
            whorl_yield();
        }
    }
    return whorl_log_cursor_end(&cursor);
}

static intptr_t read_and_write(void *arg)
{
    long read[2] = {0};
    whorl_task *readers[3];
    (void)arg;
    is_over = false;
    open_here(16 << 10);
    whorl_task *writer = whorl_spawn(write_on, NULL);
    for (int i = 0; i < 3; i++)
        readers[i] = whorl_spawn(read_on, read);
    check_equal(whorl_join(writer), 0);
    for (int i = 0; i < 3; i++)
        check_equal(whorl_join(readers[i]), 0);
    printf("%ld records were read, %ld times the next had been dropped\n", read[0], read[1]);
    return whorl_log_close(&log_here);
}

static void cursors_read_whole_records_while_others_are_written_and_dropped(void **state)
{
    (void)state;
    run_checks(read_and_write, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_truncate_drops_what_is_before_and_keeps_what_is_after),
        behaviour(the_room_of_what_was_dropped_is_used_again),
        behaviour(appends_truncates_crashes_and_opens_agree_with_a_model),
        behaviour(cursors_read_whole_records_while_others_are_written_and_dropped),
    };
    return run_behaviours("log truncate", tests);
}
