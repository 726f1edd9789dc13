/*
 * Copies and removals that are cancelled: at any point, with nothing lost and nothing left but
 * whole files.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/tree_calls.h"

#include "as_task.h"
#include "os/threads.h"

#include <core/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void a_cancelled_task_copies_and_removes_nothing(void **state)
{
    (void)state;
    make_directory(path_of("from").text);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_copy_tree(path_of("from").text, path_of("to").text, 0, &report), -ECANCELED);
    check_equal(whorl_remove_tree(path_of("from").text, 0, &report), -ECANCELED);
    check_equal(report.directories, 0);
    check(whorl_uncancel() > 0);
    check(exists(path_of("from").text));
    check(!exists(path_of("to").text));
}

/* Of real time: the loop, and so its tasks, wait for this. */
static void spin(int64_t ns)
{
    struct timespec now;
    int64_t until = 0;
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t time = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        until = until ? until : time + ns;
        ns = until - time;
    } while (ns > 0);
}

/* Cancels fn's task after up to `most` ns. Its result. */
static intptr_t run_and_cancel(whorl_fn *fn, random_source *source, int64_t most)
{
    int descriptors = open_descriptors();
    whorl_task *task = whorl_spawn(fn, NULL);
    check_equal(whorl_yield(), 0);
    for (uint64_t pauses = random_below(source, 3); pauses > 0; pauses--) {
        spin((int64_t)random_below(source, (uint64_t)most));
        check_equal(whorl_yield(), 0);
    }
    whorl_cancel(task);
    intptr_t result = whorl_join(task);
    check(result == 0 || result == -ECANCELED);
    check_equal(open_descriptors(), descriptors);
    check_equal(loop_here->jobs, 0);
    check_equal(report.errors, 0);
    return result;
}

static void a_cancel_at_any_point_leaves_whole_files(void **state)
{
    (void)state;
    random_source source = random_from_seed(4);
    tree_figures figures = grow_tree(path_of("from").text, &source, 300, GROW_HOLES);
    long rounds = test_rounds(UNDER_SANITIZER ? 100 : 200), cut = 0, cut_removals = 0;
    for (long i = 0; i < rounds; i++) {
        intptr_t result = run_and_cancel(copy, &source, 4000000);
        uint64_t files = report.files;
        check(result < 0 || files == figures.files);
        if (exists(path_of("to").text))
            check(trees_are_same(path_of("from").text, path_of("to").text, result ? AT_MOST : 0));
        else
            check_equal(result, -ECANCELED);
        cut += result < 0;
        if (exists(path_of("to").text))
            cut_removals += run_and_cancel(remove_copy, &source, 1000000) < 0;
        if (exists(path_of("to").text))
            check_equal(whorl_remove_tree(path_of("to").text, 0, &report), 0);
        check(!exists(path_of("to").text));
    }
    print_message("%ld rounds: %ld copies and %ld removals cut short\n", rounds, cut, cut_removals);
}

/* What has not begun is taken back, though no thread is free. */
static intptr_t hold_a_thread(void *arg)
{
    await_number(arg, 1);
    return 0;
}

static intptr_t give_holder(void *arg)
{
    return whorl_to_thread(hold_a_thread, arg);
}

static intptr_t cancel_before_it_begins(void *arg)
{
    atomic_int may_end = 0;
    (void)arg;
    make_directory(path_of("from").text);
    whorl_task *holder = whorl_spawn(give_holder, &may_end);
    check_equal(whorl_yield(), 0);
    whorl_task *task = whorl_spawn(copy, NULL);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_cancel(task), 0);
    check_equal(whorl_join(task), -ECANCELED);
    check(!exists(path_of("to").text));
    atomic_store(&may_end, 1);
    return whorl_join(holder);
}

static void a_copy_that_waits_for_a_thread_is_taken_back(void **state)
{
    whorl_config config = {.threads = 1};
    (void)state;
    run_checks_with(&config, cancel_before_it_begins, NULL);
}

/* A large file is not waited for to its end. It may be whole when the cancel comes, with only its
 * directory still to be finished: then it stays. */
static void check_large_copy(intptr_t result, int64_t size)
{
    struct stat seen;
    bool is_there = stat(path_of("to/large").text, &seen) == 0;
    check(is_there || result == -ECANCELED);
    if (is_there)
        check_equal(seen.st_size, size);
}

static void a_large_file_is_cut_and_taken_away(void **state)
{
    (void)state;
    enum { MEGABYTES = 48 };
    random_source source = random_from_seed(5);
    static char data[1 << 20];
    memset(data, 'x', sizeof data);
    make_directory(path_of("from").text);
    int fd = open(path_of("from/large").text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < MEGABYTES; i++)
        check_equal(write(fd, data, sizeof data), sizeof data);
    close(fd);
    long rounds = test_rounds(20), cut = 0;
    for (long i = 0; i < rounds; i++) {
        intptr_t result = run_and_cancel(copy, &source, 4000000);
        check_large_copy(result, MEGABYTES * (int64_t)sizeof data);
        cut += result < 0;
        if (exists(path_of("to").text))
            check_equal(whorl_remove_tree(path_of("to").text, 0, NULL), 0);
    }
    print_message("%ld rounds, %ld cut short\n", rounds, cut);
}

/* Many at once share the threads. */
static intptr_t copy_one_of_many(void *arg)
{
    char name[32];
    snprintf(name, sizeof name, "to%d", (int)(intptr_t)arg);
    return whorl_copy_tree(path_of("from").text, path_of(name).text, 0, NULL);
}

static void many_are_copied_at_once(void **state)
{
    (void)state;
    enum { MANY = 20 };
    whorl_task *tasks[MANY];
    random_source source = random_from_seed(6);
    grow_tree(path_of("from").text, &source, 200, 0);
    for (int i = 0; i < MANY; i++)
        tasks[i] = whorl_spawn(copy_one_of_many, (void *)(intptr_t)i);
    check_equal(whorl_gather(tasks, MANY, NULL, 0), 0);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "to%d", i);
        check(trees_are_same(path_of("from").text, path_of(name).text, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_cancelled_task_copies_and_removes_nothing),
        as_task(a_cancel_at_any_point_leaves_whole_files),
        behaviour(a_copy_that_waits_for_a_thread_is_taken_back),
        as_task(a_large_file_is_cut_and_taken_away),
        as_task(many_are_copied_at_once),
    };
    return run_behaviours("copy tree cancel", tests);
}
