/*
 * Registered buffers of files beside those of the program: that the program sees nothing of them,
 * whenever it registers and unregisters, and that files go on where nothing can be registered.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/registered.h"
#include "nth_wait.h"

#include <stdio.h>
#include <sys/resource.h>

enum {
    ROOM = 8192,
    PART = 30 * PIECE,
    SLOTS_MOST = 1 << 14, /* that the kernel gives to a table */
};

static char room[ROOM] __attribute__((aligned(4096)));
static struct iovec many[SLOTS_MOST + 1];

static int register_room(void)
{
    return whorl_register_buffers(&(struct iovec){room, ROOM}, 1);
}

static int read_by(unsigned index)
{
    int fd = open(path_of("file").text, O_RDONLY | O_CLOEXEC);
    whorl_op op = whorl_op_read_fixed(fd, room, 100, 0, index);
    int result = whorl_op_await(&op);
    close(fd);
    return result;
}

/* --- Beside the program's --- */

static void check_room_is_registered(void)
{
    check_equal(register_room(), -EBUSY);
    check_equal(read_by(0), 100);
    check_equal(memcmp(room, sent, 100), 0);
    /* The engine's are out of the program's reach. */
    for (unsigned index = 1; index <= OWN + 1; index++)
        check_equal(read_by(index), -EFAULT);
}

static intptr_t register_first(void *arg)
{
    (void)arg;
    long before = pinned();
    whorl_file *file = open_direct();
    check_equal(register_room(), 0);
    check_some_buffers(use(file, pinned()));
    check_room_is_registered();
    check_equal(whorl_unregister_buffers(), 0);
    check_equal(read_by(0), -EFAULT);
    check_equal(whorl_unregister_buffers(), -ENXIO);
    check_some_buffers(use(file, before)); /* they were gone with the table, and come again */
    check_equal(whorl_unregister_buffers(), -ENXIO);
    check_equal(whorl_file_close(file), 0);
    check_equal(pinned(), before);
    return 0;
}

static intptr_t register_second(void *arg)
{
    (void)arg;
    long before = pinned();
    whorl_file *file = open_direct();
    check_some_buffers(use(file, before));
    check_equal(whorl_unregister_buffers(), -ENXIO);
    for (unsigned index = 0; index <= OWN; index++)
        check_equal(read_by(index), -EFAULT);
    for (int round = 0; round < 3; round++) {
        check_equal(register_room(), 0);
        check_some_buffers(use(file, before) - ROOM / 1024);
        check_room_is_registered();
        check_equal(whorl_unregister_buffers(), 0);
        check_equal(whorl_unregister_buffers(), -ENXIO);
    }
    check_equal(register_room(), 0);
    check_some_buffers(use(file, before) - ROOM / 1024);
    check_equal(whorl_file_close(file), 0);
    check_room_is_registered();
    check_equal(whorl_unregister_buffers(), 0);
    check_equal(pinned(), before);
    return 0;
}

static void the_program_registers_before_and_after(void **state)
{
    (void)state;
    begin();
    run_checks(register_first, NULL);
    run_checks(register_second, NULL);
}

static intptr_t register_wrongly(void *arg)
{
    (void)arg;
    struct iovec wrong[] = {{room, ROOM}, {room, ROOM}, {NULL, 4096}};
    long before = pinned();
    whorl_file *file = open_direct();
    for (int round = 0; round < 2; round++) {
        check_some_buffers(use(file, before));
        check_equal(whorl_register_buffers(NULL, 1), -EINVAL);
        check_equal(whorl_register_buffers(wrong, 0), -EINVAL);
        check_equal(whorl_register_buffers(wrong, 3), -EFAULT);
        check_equal(whorl_register_buffers((struct iovec *)(uintptr_t)16, 2), -EFAULT);
        check_equal(whorl_register_buffers(many, SLOTS_MOST + 1), -EINVAL);
        check_equal(whorl_unregister_buffers(), -ENXIO);
        check(pinned() <= before + FILE_KIB);
        check_equal(read_by(0), -EFAULT);
    }
    check_some_buffers(use(file, before));
    return whorl_file_close(file);
}

static void what_is_refused_changes_nothing(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i <= SLOTS_MOST; i++)
        many[i] = (struct iovec){room, ROOM};
    run_checks(register_wrongly, NULL);
}

static intptr_t register_all_there_are(void *arg)
{
    (void)arg;
    static const unsigned counts[] = {SLOTS_MOST, SLOTS_MOST - OWN + 1, SLOTS_MOST - OWN};
    whorl_file *file = open_direct();
    for (size_t i = 0; i < count_of(counts); i++) {
        check_equal(whorl_register_buffers(many, counts[i]), 0);
        long before = pinned();
        check_equal(use(file, before) > 0, counts[i] == SLOTS_MOST - OWN);
        check_equal(read_by(counts[i] - 1), 100);
        check_equal(read_by(counts[i]), -EFAULT);
        check_equal(whorl_unregister_buffers(), 0);
    }
    return whorl_file_close(file);
}

static void the_program_may_have_every_slot(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < SLOTS_MOST; i++)
        many[i] = (struct iovec){room, ROOM};
    run_checks(register_all_there_are, NULL);
}

/* Registers and unregisters while ops are filled and in flight. */
static void change_table(random_source *source, bool *registered)
{
    if (random_below(source, 3) != 0)
        return;
    check_equal(*registered ? whorl_unregister_buffers() : register_room(), 0);
    *registered = !*registered;
    if (random_below(source, 2) == 0)
        whorl_yield();
}

static intptr_t change_at_random(void *arg)
{
    bool registered = false;
    random_source source = random_from_seed((uint64_t)(uintptr_t)arg);
    whorl_file *file = open_direct();
    for (int pass = 0; pass < 3; pass++) {
        check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
        for (size_t at = 0; at < TOTAL; at += PIECE) {
            check_equal(whorl_file_write(file, sent + at, PIECE), PIECE);
            change_table(&source, &registered);
        }
        check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
        for (size_t at = 0; at < TOTAL; at += PIECE) {
            check_equal(whorl_file_read(file, found + at, PIECE), PIECE);
            change_table(&source, &registered);
        }
        check_equal(memcmp(found, sent, TOTAL), 0);
        memset(found, 0, sizeof found);
    }
    return whorl_file_close(file);
}

static void a_table_that_changes_in_flight_loses_nothing(void **state)
{
    (void)state;
    begin();
    for (uintptr_t round = 1; round <= (uintptr_t)test_rounds(10); round++) {
        run_checks(change_at_random, (void *)round);
        whorl_config few = {.file_ops = 1}; /* ops wait for their turn meanwhile */
        run_checks_with(&few, change_at_random, (void *)round);
    }
}

/* Goes on after a cancel; the table changes at every read. */
static intptr_t read_a_part(void *arg)
{
    bool registered = false;
    for (size_t at = 0; at < PART && failed_checks() == 0;) {
        ssize_t got = whorl_file_read(arg, found + at, PIECE);
        if (got == -ECANCELED)
            check(whorl_uncancel() > 0);
        else if (check(got > 0))
            at += (size_t)got;
        check_equal(registered ? whorl_unregister_buffers() : register_room(), 0);
        registered = !registered;
    }
    return registered ? whorl_unregister_buffers() : 0;
}

static intptr_t cancel_each_wait(void *arg)
{
    (void)arg;
    whorl_file *file = open_direct();
    int cancels = 0;
    use(file, 0);
    for (bool in_time = true; in_time && failed_checks() == 0; cancels++) {
        memset(found, 0, sizeof found);
        check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
        check_equal(cancel_at_wait(read_a_part, file, cancels + 1, 0, &in_time), 0);
        check_equal(memcmp(found, sent, PART), 0);
    }
    printf("cancelled at each of %d waits\n", cancels - 1);
    return whorl_file_close(file);
}

static void a_table_that_changes_before_a_cancelled_read_loses_nothing(void **state)
{
    (void)state;
    begin();
    run_checks(cancel_each_wait, NULL);
    whorl_config few = {.file_ops = 1}; /* ops wait for their turn meanwhile */
    run_checks_with(&few, cancel_each_wait, NULL);
}

/* --- Where nothing can be had --- */

/* In a task: the ring counts, too. */
static void limit_locked_memory(rlim_t bytes)
{
    struct rlimit limit;
    check_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    limit.rlim_cur = bytes;
    check_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static intptr_t go_without(void *arg)
{
    (void)arg;
    long before = pinned();
    limit_locked_memory(2 * BUFFER); /* half of it would do */
    whorl_file *file = open_with("limited", O_DIRECT | O_TRUNC);
    for (int round = 0; round < 3; round++)
        check_equal(use(file, before), 0);
    check_equal(register_room(), -ENOMEM);
    check_equal(whorl_unregister_buffers(), -ENXIO);
    check_equal(use(file, before), 0);
    return whorl_file_close(file);
}

static char large[BUFFER * DEPTH] __attribute__((aligned(4096)));

/* The least limit under which there is room for `large`, to a page. */
static rlim_t least_limit(void)
{
    struct iovec all = {large, sizeof large};
    rlim_t limit = sizeof large;
    int error = -ENOMEM;
    while (error == -ENOMEM && limit < 8 * sizeof large) {
        limit += 4096;
        limit_locked_memory(limit);
        error = whorl_register_buffers(&all, 1);
    }
    check_equal(error, 0);
    check_equal(whorl_unregister_buffers(), 0);
    return limit;
}

/* The program finds all of the limit free, though a file had a part of it. */
static intptr_t share_the_limit(void *arg)
{
    (void)arg;
    struct iovec all = {large, sizeof large};
    limit_locked_memory(least_limit() + BUFFER / 2);
    long before = pinned();
    whorl_file *file = open_with("limited", O_DIRECT | O_TRUNC);
    for (int round = 0; round < 3; round++) {
        long own = use(file, before);
        check(own >= BUFFER >> 10);
        check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
        write_all(file);
        check_equal(whorl_file_flush(file), 0); /* nothing is in flight */
        check_equal(whorl_register_buffers(&all, 1), 0);
        check(use(file, before) >= (long)sizeof large >> 10);
        check_equal(whorl_unregister_buffers(), 0);
    }
    return whorl_file_close(file);
}

/* One file after the other, where there is room for a part of its buffers. */
static void check_each_gets_some(rlim_t limit)
{
    for (int round = 0; round < 3; round++) {
        long before = pinned();
        whorl_file *file = open_with("limited", O_DIRECT | O_TRUNC);
        long kib = use(file, before);
        check_some_buffers(kib);
        check(kib <= (long)(limit / 2 >> 10));
        check_equal(whorl_file_close(file), 0);
        check_equal(pinned(), before);
    }
}

static intptr_t give_back_to_the_limit(void *arg)
{
    (void)arg;
    struct iovec most = {large, sizeof large - BUFFER};
    rlim_t limit = least_limit() + BUFFER / 2;
    limit_locked_memory(limit);
    check_each_gets_some(limit);
    check_equal(whorl_register_buffers(&most, 1), 0);
    check_each_gets_some(limit);
    return 0;
}

static void what_is_given_back_counts_no_more(void **state)
{
    (void)state;
    begin();
    run_checks_as_nobody(give_back_to_the_limit, NULL);
}

static void a_limit_of_locked_memory_stops_nobody(void **state)
{
    (void)state;
    begin();
    run_checks_as_nobody(share_the_limit, NULL);
    run_checks_as_nobody(go_without, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(the_program_registers_before_and_after),
        behaviour(what_is_refused_changes_nothing),
        behaviour(the_program_may_have_every_slot),
        behaviour(a_table_that_changes_in_flight_loses_nothing),
        behaviour(a_table_that_changes_before_a_cancelled_read_loses_nothing),
        behaviour(what_is_given_back_counts_no_more),
        behaviour(a_limit_of_locked_memory_stops_nobody),
    };
    return run_behaviours("file_registered_beside", tests);
}
