/*
 * Recovery from everything that can be done to a log's file: cut off at every byte, each byte
 * flipped (with the thread sanitizer, every fifth of them), garbage behind the end. What is found
 * is always the records up to the first that is not whole, and never another; and what is appended
 * then follows on them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/crc32c.h>
#include <fs/log_format.h>
#include <unistd.h>

enum { RECORDS = 8, DATA = 8192, SLOT = 4096, HEADER = 64, ROOM = 1 << 16 };

/* A small log, as a crash leaves it. */
static struct {
    char bytes[ROOM]; /* of the file */
    size_t size;
    char text[RECORDS][60]; /* of the records */
    size_t len[RECORDS];
    int64_t lsn[RECORDS + 1]; /* and of the end */
} model;

static const whorl_log_options tight = {.reserve = 64};

/* Which of the records end at or before a position in the file. */
static int records_before(int64_t position)
{
    int count = 0;
    while (count < RECORDS && DATA + model.lsn[count + 1] <= position)
        count++;
    return count;
}

static void write_model(whorl_log *log)
{
    random_source source = random_from_seed(3);
    for (int i = 0; i < RECORDS; i++) {
        model.len[i] = i == 4 ? 0 : random_below(&source, sizeof model.text[i]);
        for (size_t at = 0; at < model.len[i]; at++)
            model.text[i][at] = (char)random_below(&source, 3); /* many zeros */
        model.lsn[i] = whorl_log_append(log, model.text[i], model.len[i]);
        check(model.lsn[i] >= 0);
    }
    model.lsn[RECORDS] = whorl_log_end(log);
}

static intptr_t make_model(void *arg)
{
    test_path path = path_of("log");
    (void)arg;
    whorl_log log;
    check_equal(whorl_log_open(&log, path.text, &tight), 0);
    write_model(&log);
    /* Before the close, which would cut off what was written ahead. */
    model.size = (size_t)read_whole(path.text, model.bytes, sizeof model.bytes);
    check((int64_t)model.size > DATA + model.lsn[RECORDS]);
    return whorl_log_close(&log);
}

static void check_prefix(whorl_log *log, int count)
{
    whorl_log_cursor cursor;
    check_equal(whorl_log_end(log), model.lsn[count]);
    check_equal(whorl_log_cursor_begin(&cursor, log, 0), 0);
    for (int i = 0; i < count; i++)
        check_next(&cursor, model.lsn[i], model.text[i], model.len[i]);
    check_no_next(&cursor);
    check_equal(whorl_log_cursor_end(&cursor), 0);
}

/* Has `bytes` recovered: to the first `count` records. Then appends one, and opens again. */
static void check_recovers(const char *path, const char *bytes, size_t size, int count,
                           whorl_log_stats *stats)
{
    whorl_log log;
    write_whole(path, bytes, size);
    if (!check_equal(whorl_log_open(&log, path, &tight), 0))
        return;
    check_prefix(&log, count);
    check_equal(whorl_log_get_stats(&log, stats), 0);
    check_equal(stats->recovered, count);
    check_equal(whorl_log_append(&log, "more", 4), model.lsn[count]);
    check_equal(whorl_log_close(&log), 0);
    check_equal(whorl_log_open(&log, path, &tight), 0);
    whorl_log_stats again;
    check_equal(whorl_log_get_stats(&log, &again), 0);
    check_equal(again.recovered, count + 1);
    check_equal(again.dropped, 0);
    check_record(&log, model.lsn[count], "more", 4);
    check_equal(whorl_log_close(&log), 0);
}

/* From one byte to the next that is tried. */
enum { STEP = UNDER_THREAD_SANITIZER ? 5 : 1 };

static intptr_t cut_everywhere(void *arg)
{
    test_path path = path_of("log");
    whorl_log log;
    whorl_log_stats stats;
    make_model(arg);
    for (size_t size = 1; size < HEADER; size++) {
        write_whole(path.text, model.bytes, size);
        check_equal(whorl_log_open(&log, path.text, NULL), -EBADMSG);
    }
    for (size_t size = HEADER; size <= model.size; size += STEP) {
        if (size == HEADER + 10)
            size = DATA - 10;
        int count = records_before((int64_t)size);
        check_recovers(path.text, model.bytes, size, count, &stats);
        int64_t torn = (int64_t)size - DATA - model.lsn[count];
        if (count < RECORDS && torn >= 8)
            check_equal(stats.dropped, torn);
    }
    return 0;
}

static void a_log_cut_off_at_any_byte_recovers_to_the_records_before_it(void **state)
{
    (void)state;
    run_checks(cut_everywhere, NULL);
}

/* The records behind that in which byte `at` stands. */
static int records_behind(size_t at)
{
    int hit = records_before((int64_t)at);
    return hit < RECORDS ? RECORDS - hit - 1 : 0;
}

static intptr_t flip_everywhere(void *arg)
{
    test_path path = path_of("log");
    random_source source = random_from_seed(4);
    whorl_log_stats stats;
    make_model(arg);
    for (size_t at = DATA; at < model.size; at += STEP) {
        char before = model.bytes[at];
        model.bytes[at] ^= (char)(1 + random_below(&source, 255));
        check_recovers(path.text, model.bytes, model.size, records_before((int64_t)at), &stats);
        check_equal(stats.dropped_records, records_behind(at));
        if (records_behind(at) > 0)
            check_equal(DATA + model.lsn[records_before((int64_t)at)] + (int64_t)stats.dropped,
                        DATA + model.lsn[RECORDS]);
        model.bytes[at] = before;
    }
    return 0;
}

static void
a_flipped_byte_ends_recovery_before_its_record_and_what_is_behind_is_counted(void **state)
{
    (void)state;
    run_checks(flip_everywhere, NULL);
}

static intptr_t flip_headers(void *arg)
{
    test_path path = path_of("log");
    whorl_log log;
    whorl_log_stats stats;
    make_model(arg);
    for (size_t at = 0; at < 2 * HEADER; at++) {
        char *byte = &model.bytes[at % HEADER + at / HEADER * SLOT];
        *byte ^= 1;
        check_recovers(path.text, model.bytes, model.size, RECORDS, &stats);
        /* The other one stands in, and it has been mended: it may go next. */
        char mended[HEADER];
        check_equal(read_whole(path.text, mended, HEADER), HEADER);
        check(memcmp(mended, "whorlLOG", 8) == 0);
        *byte ^= 1;
    }
    for (size_t at = 0; at < HEADER; at++) {
        model.bytes[at] ^= 1;
        model.bytes[SLOT + at] ^= 1;
        write_whole(path.text, model.bytes, model.size);
        check_equal(whorl_log_open(&log, path.text, NULL), -EBADMSG);
        static char after[ROOM];
        check_equal(read_whole(path.text, after, sizeof after), model.size);
        check(memcmp(after, model.bytes, model.size) == 0);
        model.bytes[at] ^= 1;
        model.bytes[SLOT + at] ^= 1;
    }
    return 0;
}

static void each_header_stands_in_for_the_other_and_without_both_nothing_is_touched(void **state)
{
    (void)state;
    run_checks(flip_headers, NULL);
}

/* Whose checksums hold, and which no log comes to. */
static intptr_t have_impossible_places(void *arg)
{
    static const struct log_header headers[] = {
        {.first = INT64_MAX, .offset = DATA},       {.first = 0, .offset = INT64_MAX},
        {.first = INT64_MAX - 100, .offset = DATA}, {.first = -8, .offset = DATA},
        {.first = 0, .offset = DATA - 1},           {.first = LOG_PLACE_MAX + 1, .offset = DATA},
    };
    test_path path = path_of("log");
    whorl_log log;
    make_model(arg);
    for (size_t i = 0; i < count_of(headers); i++) {
        log_header_encode((unsigned char *)model.bytes, &headers[i]);
        memcpy(model.bytes + SLOT, model.bytes, HEADER);
        write_whole(path.text, model.bytes, model.size);
        check_equal(whorl_log_open(&log, path.text, NULL), -EBADMSG);
    }
    return 0;
}

static void a_header_with_places_that_no_log_comes_to_is_a_damaged_one(void **state)
{
    (void)state;
    run_checks(have_impossible_places, NULL);
}

/* Whose checksum ends with a byte of zero, as the file has where it ends. */
static intptr_t cut_before_a_zero(void *arg)
{
    (void)arg;
    test_path path = path_of("log");
    unsigned char bytes[HEADER] = {[HEADER - 1] = 1};
    struct log_header header = {.offset = DATA};
    whorl_log log;
    while (bytes[HEADER - 1] != 0) {
        header.sequence++;
        log_header_encode(bytes, &header);
    }
    write_whole(path.text, (char *)bytes, HEADER - 1);
    check_equal(whorl_log_open(&log, path.text, NULL), -EBADMSG);
    write_whole(path.text, (char *)bytes, HEADER);
    check_equal(whorl_log_open(&log, path.text, NULL), 0);
    return whorl_log_close(&log);
}

static void a_header_that_is_cut_off_is_none_whatever_it_lacks(void **state)
{
    (void)state;
    run_checks(cut_before_a_zero, NULL);
}

/* Garbage from a record on, of all kinds: random, zeros, ones, and records of this log that belong
 * elsewhere. */
static intptr_t put_garbage(void *arg)
{
    test_path path = path_of("log");
    random_source source = random_from_seed(5);
    static char bytes[ROOM];
    whorl_log_stats stats;
    make_model(arg);
    for (long round = 0; round < test_rounds(ROUNDS_OF(300)); round++) {
        int count = (int)random_below(&source, RECORDS + 1);
        size_t at = DATA + (size_t)model.lsn[count];
        size_t size = at + random_below(&source, ROOM - at);
        memcpy(bytes, model.bytes, sizeof bytes);
        size_t shift = 1 + random_below(&source, 100);
        for (size_t i = at; i < size; i++)
            bytes[i] = round % 4 == 0   ? (char)random_next(&source)
                       : round % 4 == 1 ? 0
                       : round % 4 == 2 ? -1
                                        : model.bytes[i - shift];
        check_recovers(path.text, bytes, size, count, &stats);
    }
    return 0;
}

static void garbage_is_never_taken_for_a_record(void **state)
{
    (void)state;
    run_checks(put_garbage, NULL);
}

/* A torn record whose place a new one of the same length takes must not bring back those behind. */
static intptr_t replace_torn(void *arg)
{
    test_path path = path_of("log");
    whorl_log log;
    make_model(arg);
    size_t at = DATA + (size_t)model.lsn[2];
    model.bytes[at] ^= 1;
    write_whole(path.text, model.bytes, model.size);
    model.bytes[at] ^= 1;
    check_equal(whorl_log_open(&log, path.text, NULL), 0);
    check_equal(whorl_log_append(&log, model.text[2], model.len[2]), model.lsn[2]);
    model.size = (size_t)read_whole(path.text, model.bytes, sizeof model.bytes);
    check_equal(whorl_log_close(&log), 0);
    write_whole(path.text, model.bytes, model.size);
    check_equal(whorl_log_open(&log, path.text, NULL), 0);
    check_prefix(&log, 3);
    return whorl_log_close(&log);
}

static void records_that_were_dropped_do_not_come_back(void **state)
{
    (void)state;
    run_checks(replace_torn, NULL);
}

static intptr_t open_other_version(void *arg)
{
    test_path path = path_of("log");
    whorl_log log;
    make_model(arg);
    /* Its checksum in place of that of version 1: computed over the same bytes but one. */
    static const struct {
        size_t at;
        char value;
    } version = {8, 2};
    for (size_t slot = 0; slot <= SLOT; slot += SLOT) {
        model.bytes[slot + version.at] = version.value;
        uint32_t crc = crc32c(0, model.bytes + slot, HEADER - 4);
        for (int i = 0; i < 4; i++)
            model.bytes[slot + HEADER - 4 + (size_t)i] = (char)(crc >> 8 * i);
    }
    write_whole(path.text, model.bytes, model.size);
    check_equal(whorl_log_open(&log, path.text, NULL), -EPROTONOSUPPORT);
    return 0;
}

static void a_log_of_another_version_is_refused(void **state)
{
    (void)state;
    run_checks(open_other_version, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_log_cut_off_at_any_byte_recovers_to_the_records_before_it),
        behaviour(a_flipped_byte_ends_recovery_before_its_record_and_what_is_behind_is_counted),
        behaviour(each_header_stands_in_for_the_other_and_without_both_nothing_is_touched),
        behaviour(a_header_that_is_cut_off_is_none_whatever_it_lacks),
        behaviour(a_header_with_places_that_no_log_comes_to_is_a_damaged_one),
        behaviour(garbage_is_never_taken_for_a_record),
        behaviour(records_that_were_dropped_do_not_come_back),
        behaviour(a_log_of_another_version_is_refused),
    };
    return run_behaviours("log recovery", tests);
}
