/*
 * Several who append to one file through buffers of their own: each buffer goes to the end as a
 * whole. The records here fill buffers without a rest, so that none may be torn, lost or doubled,
 * and each writer's come in its order, whoever is cancelled meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { WRITERS = 8, RECORDS = 2000, RECORD = 64, BUFFER = 16 * RECORD };

struct record {
    uint32_t writer;
    uint32_t number;
    char filling[RECORD - 8];
};

struct writer {
    uint32_t index;
    bool is_cancelled; /* at random */
    int flags;
    random_source random;
};

static struct record found[WRITERS * RECORDS + 1];

/* 1: it was taken; 0: nothing of it, as the call was cancelled. */
static int append(whorl_file *file, struct writer *self, uint32_t number)
{
    struct record record = {.writer = self->index, .number = number};
    int64_t limit =
        self->is_cancelled ? (int64_t)random_below(&self->random, 20000) : WHORL_FOREVER;
    whorl_timeout scope;
    memset(record.filling, 'a' + (int)self->index, sizeof record.filling);
    whorl_timeout_begin(&scope, limit);
    ssize_t done = whorl_file_write(file, &record, sizeof record);
    if (random_below(&self->random, 10) == 0)
        whorl_file_flush(file);
    whorl_timeout_end(&scope, 0);
    check(done == RECORD || (self->is_cancelled && done == -ECANCELED));
    return done == RECORD;
}

static intptr_t append_all(void *arg)
{
    struct writer *self = arg;
    whorl_file_options options = {.buffer_size = BUFFER, .depth = 4};
    whorl_file *file;
    int error =
        whorl_file_open(path_of("file").text, O_WRONLY | O_APPEND | self->flags, &options, &file);
    if (error == -EINVAL && self->flags)
        error = whorl_file_open(path_of("file").text, O_WRONLY | O_APPEND, &options, &file);
    if (!check_equal(error, 0))
        return error;
    for (uint32_t number = 0; number < RECORDS;)
        number += (uint32_t)append(file, self, number);
    return whorl_file_close(file);
}

static void check_found(ssize_t size)
{
    uint32_t next[WRITERS] = {0};
    check_equal(size, (ssize_t)sizeof found - RECORD);
    for (ssize_t i = 0; i < size / RECORD; i++) {
        const struct record *record = &found[i];
        if (!check(record->writer < WRITERS))
            return;
        check_equal(record->number, next[record->writer]);
        next[record->writer] = record->number + 1;
        for (size_t k = 0; k < sizeof record->filling; k++)
            if (record->filling[k] != 'a' + (int)record->writer) {
                check_failed("record %zd is torn", i);
                return;
            }
    }
    for (int i = 0; i < WRITERS; i++)
        check_equal(next[i], RECORDS);
}

static struct writer writers[WRITERS];

static intptr_t append_at_once(void *arg)
{
    whorl_group group;
    int flags = *(const int *)arg;
    write_whole(path_of("file").text, "", 0);
    whorl_group_init(&group);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.index = i,
                                     .is_cancelled = i % 2,
                                     .flags = i < WRITERS / 2 ? flags : 0,
                                     .random = random_from_seed(i)};
        check_equal(whorl_group_spawn(&group, append_all, &writers[i]), 0);
    }
    check_equal(whorl_group_wait(&group, 0), 0);
    check_found(read_whole(path_of("file").text, found, sizeof found));
    return 0;
}

static void several_who_append_lose_and_mix_nothing(void **state)
{
    (void)state;
    for (long round = 0; round < test_rounds(3); round++)
        run_checks(append_at_once, &(int){0});
}

static void nor_do_those_whose_descriptors_have_O_DIRECT(void **state)
{
    (void)state;
    run_checks(append_at_once, &(int){O_DIRECT});
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(several_who_append_lose_and_mix_nothing),
        behaviour(nor_do_those_whose_descriptors_have_O_DIRECT),
    };
    return run_behaviours("file append", tests);
}
