/*
 * Ten thousand tasks that write at once: they start no more workers than they may, there are no
 * more operations on files with the kernel than places, and sockets go on meanwhile.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "op/plug.h"
#include "op/workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = CROWD_OF(10000), FILES = 16, WRITES = 4, WORKERS = 3 };

/* What one round of talk may have to wait for: the two messages, there and back, take a few turns
 * of the loop, in each of which every place may be used once. */
enum { TURNS_A_ROUND = 8 };

static int fds[FILES];
static int writing;      /* tasks that have not ended */
static long written;     /* writes that have ended */
static long rounds;      /* of talk, while they wrote */
static unsigned busiest; /* the most places that were taken */
static int workers_most; /* that the kernel had started */

static void look(void)
{
    unsigned taken = places_taken();
    busiest = taken > busiest ? taken : busiest;
    int workers = count_workers();
    workers_most = workers > workers_most ? workers : workers_most;
}

static intptr_t write_some(void *arg)
{
    intptr_t index = (intptr_t)arg;
    char text[512];
    memset(text, (int)('a' + index % 26), sizeof text);
    for (int i = 0; i < WRITES; i++) {
        off_t at = (index / FILES * WRITES + i) * (off_t)sizeof text;
        if (!check_equal(whorl_pwrite(fds[index % FILES], text, sizeof text, at), sizeof text))
            break;
        written++;
    }
    struct statx seen; /* always by a worker */
    check_equal(whorl_statx(fds[index % FILES], "", AT_EMPTY_PATH, STATX_SIZE, &seen), 0);
    writing--;
    return 0;
}

static intptr_t answer(void *arg)
{
    const pair *both = arg;
    char byte;
    while (whorl_recv(both->ends[1], &byte, 1, 0) == 1)
        check_equal(whorl_send(both->ends[1], &byte, 1, 0), 1);
    return 0;
}

static intptr_t talk(void *arg)
{
    const pair *both = arg;
    char byte = 'x';
    while (writing > 0) {
        check_equal(whorl_send(both->ends[0], &byte, 1, 0), 1);
        check_equal(whorl_recv(both->ends[0], &byte, 1, 0), 1);
        rounds++;
        if (rounds % 8 == 0)
            look();
    }
    return 0;
}

static void check_content(void)
{
    char text[512];
    for (intptr_t index = 0; index < WRITERS; index++) {
        off_t at = (index / FILES * WRITES + WRITES - 1) * (off_t)sizeof text;
        if (!check_equal(pread(fds[index % FILES], text, sizeof text, at), sizeof text) ||
            !check_equal(text[index % 512], 'a' + index % 26))
            return;
    }
}

static intptr_t write_at_once(void *arg)
{
    (void)arg;
    pair both = tcp_pair();
    whorl_task *answering = whorl_spawn(answer, &both);
    whorl_group writers;
    written = rounds = busiest = workers_most = 0;
    writing = WRITERS;
    whorl_group_init(&writers);
    for (intptr_t i = 0; i < WRITERS; i++)
        check_equal(whorl_group_spawn(&writers, write_some, (void *)i), 0);
    whorl_task *talking = whorl_spawn(talk, &both);
    check_equal(whorl_group_wait(&writers, 0), 0);
    check_equal(whorl_join(talking), 0);
    check_equal(shutdown(both.ends[0], SHUT_RDWR), 0);
    check_equal(whorl_join(answering), 0);
    close_pair(&both);
    look();
    long most = loop_here->file_ops_most;
    printf("%d tasks wrote %ld times: at most %u of %ld places taken, %d workers, %ld rounds "
           "of talk\n",
           WRITERS, written, busiest, most, workers_most, rounds);
    check_equal(written, (long)WRITERS * WRITES);
    check_equal(places_taken(), 0);
    check(busiest <= most);
    check(workers_most > 0 && workers_most <= WORKERS);
    check(rounds >= written / (most * TURNS_A_ROUND));
    check_content();
    return 0;
}

static void open_files(int flags)
{
    for (int i = 0; i < FILES; i++) {
        char name[24];
        snprintf(name, sizeof name, "file-%d", i);
        fds[i] = open(path_of(name).text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600);
        assert_true(fds[i] >= 0);
    }
}

static void write_with(unsigned places)
{
    open_files(0);
    run_checks_with(&(whorl_config){.file_ops = places, .workers = WORKERS}, write_at_once, NULL);
    for (int i = 0; i < FILES; i++)
        close(fds[i]);
}

static void ten_thousand_writers_leave_room_for_sockets(void **state)
{
    (void)state;
    tell_crowd(WRITERS);
    write_with(0);
    write_with(64);
    write_with(7);
}

/* --- At random --- */

/* Writers that are cancelled, time out, and lose their descriptors, at random. Each counts its
 * write if that says it was done, and the file must hold what was counted. */
enum { TRIED = 200 };

static uint8_t done[TRIED];

static intptr_t write_byte(void *arg)
{
    intptr_t index = (intptr_t)arg;
    whorl_op op = whorl_op_pwrite(fds[index % FILES], "x", 1, index);
    if (index % 3 == 0)
        op.timeout = WHORL_US(1 + index);
    int result = whorl_op_await(&op);
    done[index] = result == 1;
    if (result != 1)
        check(result == -ECANCELED || result == -ETIMEDOUT || result == -EBADF);
    return 0;
}

static intptr_t write_and_disturb(void *arg)
{
    random_source *random = arg;
    whorl_task *tasks[TRIED];
    memset(done, 0, sizeof done);
    for (intptr_t i = 0; i < TRIED; i++)
        tasks[i] = whorl_spawn(write_byte, (void *)i);
    for (int i = 0; i < 20; i++) {
        uint64_t which = random_below(random, TRIED);
        if (random_below(random, 3) == 0)
            whorl_cancel(tasks[which]);
        if (random_below(random, 20) == 0)
            check_equal(whorl_yield(), 0);
    }
    int closed = (int)random_below(random, FILES);
    int kept = dup(fds[closed]);
    check_equal(whorl_close(fds[closed]), 0);
    for (int i = 0; i < TRIED; i++) {
        intptr_t result = whorl_join(tasks[i]);
        check(result == 0 || result == -ECANCELED); /* that before it began */
    }
    check_equal(places_taken(), 0);
    check_equal(turns_awaited(), 0);
    check_equal(dup3(kept, fds[closed], O_CLOEXEC), fds[closed]);
    close(kept);
    return 0;
}

static void check_bytes(void)
{
    for (int i = 0; i < TRIED; i++) {
        char byte = 0;
        bool there = pread(fds[i % FILES], &byte, 1, i) == 1 && byte == 'x';
        check_equal(there, done[i] == 1);
    }
}

static void what_is_disturbed_is_either_done_or_not(void **state)
{
    (void)state;
    random_source random = random_from_seed(1);
    for (long round = 0; round < test_rounds(UNDER_THREAD_SANITIZER ? 20 : 60); round++) {
        open_files(0);
        unsigned places = 1 + (unsigned)random_below(&random, 40);
        run_checks_with(&(whorl_config){.file_ops = places}, write_and_disturb, &random);
        check_bytes();
        for (int i = 0; i < FILES; i++)
            close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(ten_thousand_writers_leave_room_for_sockets),
        behaviour(what_is_disturbed_is_either_done_or_not),
    };
    return run_behaviours("op/turns_crowd", tests);
}
