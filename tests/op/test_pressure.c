/*
 * More than the queues hold: a hundred thousand ops through a small ring, and bursts that overflow
 * the completion queue. None is lost, none is mixed up with another.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TASKS = 100, TURNS = 100, BATCH = 10, NUMBERS = 4096 };

static const whorl_config small_rings[] = {
    {.entries = 8, .completions = 16},
    {.entries = 2, .completions = 2},
    {.entries = 64, .completions = 64, .without = 0x3ff},
};

static uint32_t number_at(uint32_t index)
{
    return index * 2654435761u ^ 0x5bd1e995;
}

static int numbers_file(void)
{
    static uint32_t numbers[NUMBERS];
    for (uint32_t i = 0; i < NUMBERS; i++)
        numbers[i] = number_at(i);
    test_path path = path_of("numbers");
    write_whole(path.text, numbers, sizeof numbers);
    return open(path.text, O_RDONLY | O_CLOEXEC);
}

typedef struct reader {
    int fd;
    random_source random;
    long right; /* numbers that were read and are what they should be */
} reader;

static intptr_t read_in_batches(void *arg)
{
    reader *one = arg;
    for (int turn = 0; turn < TURNS; turn++) {
        whorl_op ops[BATCH];
        uint32_t places[BATCH], numbers[BATCH] = {0};
        for (int i = 0; i < BATCH; i++) {
            places[i] = (uint32_t)random_below(&one->random, NUMBERS);
            ops[i] = whorl_op_pread(one->fd, &numbers[i], sizeof numbers[i],
                                    (off_t)(places[i] * sizeof numbers[i]));
            check_equal(whorl_op_start(&ops[i]), 0);
        }
        for (int i = 0; i < BATCH; i++)
            one->right +=
                whorl_op_await(&ops[i]) == sizeof numbers[i] && numbers[i] == number_at(places[i]);
    }
    return 0;
}

static intptr_t read_a_hundred_thousand(void *arg)
{
    (void)arg;
    static reader readers[TASKS];
    whorl_task *tasks[TASKS];
    int fd = numbers_file();
    long right = 0;
    for (int i = 0; i < TASKS; i++) {
        readers[i] = (reader){fd, random_from_seed((uint64_t)i), 0};
        tasks[i] = whorl_spawn(read_in_batches, &readers[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        check_equal(whorl_join(tasks[i]), 0);
        right += readers[i].right;
    }
    check_equal(right, (long)TASKS * TURNS * BATCH);
    return close(fd);
}

static void a_hundred_thousand_ops_go_through_a_small_ring(void **state)
{
    (void)state;
    run_checks_with(&small_rings[0], read_a_hundred_thousand, NULL);
}

enum { BURST = 2000 };

/* All of them become ready in one instant. */
static intptr_t wake_a_crowd(void *arg)
{
    whorl_op *ops = arg;
    for (int round = 0; round < 5; round++) {
        int event = eventfd(0, EFD_CLOEXEC);
        for (int i = 0; i < BURST; i++) {
            ops[i] = whorl_op_poll(event, POLLIN);
            check_equal(whorl_op_start(&ops[i]), 0);
        }
        check_equal(whorl_yield(), 0);
        check_equal(eventfd_write(event, 1), 0);
        int right = 0;
        for (int i = 0; i < BURST; i++)
            right += whorl_op_await(&ops[i]) == POLLIN;
        check_equal(right, BURST);
        check_equal(close(event), 0);
    }
    return 0;
}

static void a_burst_larger_than_the_completion_queue_loses_none(void **state)
{
    (void)state;
    whorl_op *ops = test_calloc(BURST, sizeof *ops);
    for (size_t i = 0; i < count_of(small_rings); i++)
        run_checks_with(&small_rings[i], wake_a_crowd, ops);
    test_free(ops);
}

static intptr_t nop_and_wait(void *arg)
{
    for (int i = 0; i < 10; i++) {
        whorl_op op = whorl_op_nop();
        op.timeout = i % 2 ? WHORL_FOREVER : WHORL_SECONDS(60);
        check_equal(whorl_op_await(&op), 0);
    }
    ++*(int *)arg;
    return 0;
}

static intptr_t run_many_tasks(void *arg)
{
    (void)arg;
    enum { MANY = 1000 };
    int ended = 0;
    for (int i = 0; i < MANY; i++)
        check_equal(whorl_release(whorl_spawn(nop_and_wait, &ended)), 0);
    while (ended < MANY)
        check_equal(whorl_yield(), 0);
    return 0;
}

static void a_thousand_tasks_share_a_small_ring(void **state)
{
    (void)state;
    for (size_t i = 0; i < count_of(small_rings); i++)
        run_checks_with(&small_rings[i], run_many_tasks, NULL);
}

/* Started ops that nobody awaits until all have been started, with cancels among them. */
static intptr_t start_and_cancel(void *arg)
{
    whorl_op *ops = arg;
    int event = eventfd(0, EFD_CLOEXEC);
    int ended = 0;
    for (int i = 0; i < BURST; i++) {
        ops[i] = i % 3 ? whorl_op_poll(event, POLLIN) : whorl_op_nop();
        check_equal(whorl_op_start(&ops[i]), 0);
        if (i % 3 == 1)
            check_equal(whorl_op_cancel(&ops[i]), 0);
    }
    check_equal(eventfd_write(event, 1), 0);
    for (int i = 0; i < BURST; i++) {
        int result = whorl_op_await(&ops[i]);
        ended += i % 3 == 0   ? result == 0
                 : i % 3 == 1 ? result == -ECANCELED || result == POLLIN
                              : result == POLLIN;
    }
    check_equal(ended, BURST);
    return close(event);
}

static void cancels_find_room_in_a_small_ring(void **state)
{
    (void)state;
    whorl_op *ops = test_calloc(BURST, sizeof *ops);
    for (size_t i = 0; i < count_of(small_rings); i++)
        run_checks_with(&small_rings[i], start_and_cancel, ops);
    test_free(ops);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_hundred_thousand_ops_go_through_a_small_ring),
        behaviour(a_burst_larger_than_the_completion_queue_loses_none),
        behaviour(a_thousand_tasks_share_a_small_ring),
        behaviour(cancels_find_room_in_a_small_ring),
    };
    return run_behaviours("pressure", tests);
}
