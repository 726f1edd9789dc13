/*
 * Buffered files with O_DIRECT have their buffers registered with the kernel: that they are, where
 * it pays, and are given back, however a file ends.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"
#include "fs/registered.h"

#include <stdio.h>

/* --- Files by themselves --- */

static intptr_t register_and_give_back(void *arg)
{
    (void)arg;
    long before = pinned();
    for (int round = 0; round < 3; round++) {
        whorl_file *file = open_direct();
        check_equal(pinned(), before);
        check_some_buffers(use(file, before));
        check_equal(whorl_file_close(file), 0);
        check_equal(pinned(), before);
    }
    return 0;
}

static void buffers_are_registered_until_the_close(void **state)
{
    (void)state;
    begin();
    run_checks(register_and_give_back, NULL);
    run_checks_on_all_features(register_and_give_back, NULL);
}

static intptr_t register_nothing(void *arg)
{
    (void)arg;
    long before = pinned();
    static const int flags[] = {O_TRUNC, O_TRUNC | O_APPEND, O_TRUNC | O_APPEND | O_DIRECT};
    for (size_t i = 0; i < count_of(flags); i++) {
        whorl_file *file = open_with(path_of("file").text, flags[i]);
        write_all(file);
        check_equal(whorl_file_flush(file), 0);
        check_equal(pinned(), before);
        check_equal(whorl_file_close(file), 0);
    }
    return 0;
}

static void what_goes_through_the_cache_registers_nothing(void **state)
{
    (void)state;
    begin();
    run_checks(register_nothing, NULL);
}

static intptr_t register_nothing_once(void *arg)
{
    long before = pinned();
    whorl_file *file = open_with(arg, O_DIRECT | O_TRUNC);
    for (int i = 0; i < DEPTH; i++)
        check_equal(whorl_file_write(file, sent, BUFFER), BUFFER);
    check_equal(whorl_file_close(file), 0);
    file = open_with(arg, O_DIRECT);
    check_equal(whorl_file_read(file, found, PIECE), PIECE);
    check_equal(pinned(), before);
    return whorl_file_close(file);
}

static void a_buffer_that_is_used_once_is_not_registered(void **state)
{
    (void)state;
    begin();
    run_checks(register_nothing_once, path_of("file").text);
}

enum { CROWD = OWN / DEPTH + 4 };

static intptr_t open_a_crowd(void *arg)
{
    (void)arg;
    long before = pinned();
    whorl_file *files[CROWD];
    for (int i = 0; i < CROWD; i++) {
        char name[24];
        snprintf(name, sizeof name, "crowd%d", i);
        files[i] = open_with(path_of(name).text, O_DIRECT | O_TRUNC);
        unlink(path_of(name).text);
        use(files[i], before);
    }
    check(pinned() - before <= (long)OWN * BUFFER >> 10);
    long full = pinned();
    check_equal(whorl_file_close(files[0]), 0);
    check(pinned() < full);
    full = pinned();
    check(use(files[CROWD - 1], before) >= full - before);
    for (int i = 1; i < CROWD; i++)
        check_equal(whorl_file_close(files[i]), 0);
    check_equal(pinned(), before);
    return 0;
}

static void more_files_than_slots_go_on_plainly(void **state)
{
    (void)state;
    begin();
    run_checks(open_a_crowd, NULL);
}

/* --- Ends --- */

static intptr_t leave_open(void *arg)
{
    (void)arg;
    whorl_file *file = open_direct();
    use(file, 0);
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    write_all(file);
    return 0;
}

static void what_is_left_open_is_given_back_with_the_run(void **state)
{
    (void)state;
    begin();
    long before = pinned();
    run_checks(leave_open, NULL);
    assert_int_equal(pinned(), before);
    assert_int_equal(read_whole(path_of("file").text, found, TOTAL), TOTAL);
    assert_memory_equal(found, sent, TOTAL);
}

/* Closes with writes behind it and with reads ahead in flight, cancelled or not. */
static intptr_t close_in_flight(void *arg)
{
    bool is_cancelled = arg != NULL;
    long before = pinned();
    for (int part = 1; part < 20; part++) {
        whorl_file *file = open_direct();
        write_all(file);
        if (part % 2) {
            check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
            for (int i = 0; i < part; i++)
                check_equal(whorl_file_read(file, found, PIECE), PIECE);
        }
        if (is_cancelled)
            whorl_cancel(whorl_self());
        check_equal(whorl_file_close(file), 0);
        if (is_cancelled)
            whorl_uncancel();
        check_equal(pinned(), before);
    }
    check_equal(read_whole(path_of("file").text, found, TOTAL), TOTAL);
    check_equal(memcmp(found, sent, TOTAL), 0);
    return 0;
}

static void a_close_with_ops_in_flight_gives_all_back(void **state)
{
    (void)state;
    begin();
    run_checks(close_in_flight, NULL);
    run_checks(close_in_flight, sent);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(buffers_are_registered_until_the_close),
        behaviour(what_goes_through_the_cache_registers_nothing),
        behaviour(a_buffer_that_is_used_once_is_not_registered),
        behaviour(more_files_than_slots_go_on_plainly),
        behaviour(what_is_left_open_is_given_back_with_the_run),
        behaviour(a_close_with_ops_in_flight_gives_all_back),
    };
    return run_behaviours("file_registered", tests);
}
