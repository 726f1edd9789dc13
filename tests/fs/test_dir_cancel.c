/*
 * Directories against cancels: what waits for a thread is taken back, what a thread has begun is
 * given; and two tasks at one directory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/only_thread.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static whorl_dir dir;

/* --- In a cancelled task --- */

static intptr_t use_it_cancelled(void *arg)
{
    whorl_dir other;
    whorl_dir_entry entry;
    char **names;
    write_whole(path_of("file").text, "", 0);
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_dir_open(&other, path_of("").text, 0), -ECANCELED);
    check_equal(whorl_dir_close(&other), -EINVAL);
    check_equal(whorl_list_dir(path_of("").text, &names), -ECANCELED);
    check(names == NULL);
    check_equal(whorl_dir_next(&dir, &entry), -ECANCELED); /* though it is read already */
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_uncancel(), 1);
    check_equal(whorl_dir_next(&dir, &entry), 1);
    check_text(entry.name, "file");
    check_equal(whorl_dir_next(&dir, &entry), 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void in_a_cancelled_task_nothing_is_read_and_closing_works(void **state)
{
    (void)state;
    run_checks(use_it_cancelled, NULL);
}

/* --- In the queue --- */

static intptr_t open_dir(void *arg)
{
    return whorl_dir_open(arg, path_of("").text, 0);
}

static intptr_t next_name(void *arg)
{
    whorl_dir_entry entry;
    int result = whorl_dir_next(&dir, &entry);
    if (result == 1)
        strcpy(arg, entry.name);
    return result;
}

static intptr_t list_names(void *arg)
{
    return whorl_list_dir(path_of("").text, arg);
}

static intptr_t cancel_what_waits(void *arg)
{
    char name[256];
    char **names;
    write_whole(path_of("file").text, "", 0);
    check_equal(cancelled_in_queue(open_dir, &dir), -ECANCELED);
    check_equal(whorl_dir_close(&dir), -EINVAL);
    check_equal(cancelled_in_queue(list_names, &names), -ECANCELED);
    check(names == NULL);
    check_equal(open_dir(&dir), 0);
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(cancelled_in_queue(next_name, name), -ECANCELED);
    check_equal(next_name(name), 1);
    check_text(name, "file");
    check_equal(cancelled_in_queue(next_name, name), -ECANCELED);
    check_equal(next_name(name), 0);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void cancelled_in_the_queue_a_call_has_no_effect(void **state)
{
    (void)state;
    run_checks_with(&one_thread, cancel_what_waits, NULL);
}

/* --- At any time --- */

/* The cancel meets the thread somewhere: what is opened is given, and what is read is not lost. */
static intptr_t open_and_read(void *arg)
{
    int *count = arg;
    whorl_dir here;
    whorl_dir_entry entry;
    int result = whorl_dir_open(&here, path_of("").text, 0);
    if (result < 0)
        return result;
    while ((result = whorl_dir_next(&here, &entry)) == 1)
        ++*count;
    if (result == -ECANCELED) {
        whorl_uncancel();
        while ((result = whorl_dir_next(&here, &entry)) == 1)
            ++*count;
    }
    check_equal(result, 0);
    check_equal(whorl_cancel(whorl_self()), 0);
    check_equal(whorl_dir_close(&here), 0);
    return 0;
}

static intptr_t race_cancels(void *arg)
{
    enum { FILES = 3000 };
    long rounds = test_rounds(UNDER_SANITIZER ? 100 : 500), cancelled = 0;
    random_source source = random_from_seed(1);
    int before = open_descriptors();
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", i);
        check_equal(mknod(path_of(name).text, S_IFREG | 0600, 0), 0);
    }
    for (long i = 0; i < rounds; i++) {
        int count = 0;
        whorl_task *task = whorl_spawn(open_and_read, &count);
        for (int turns = (int)random_below(&source, 40); turns > 0; turns--) {
            check_equal(whorl_yield(), 0);
            for (volatile int wait = (int)random_below(&source, 20000); wait > 0; wait--)
                continue;
        }
        whorl_cancel(task);
        intptr_t result = whorl_join(task);
        cancelled += result == -ECANCELED;
        check_equal(count, result == -ECANCELED ? 0 : FILES);
        check_equal(result == 0 || result == -ECANCELED, 1);
    }
    check(open_descriptors() <= before + 3); /* the run's own: ring and inbox */
    print_message("%ld rounds, %ld cancelled before the directory was open\n", rounds, cancelled);
    return (intptr_t)arg;
}

static void a_cancel_at_any_time_loses_neither_entries_nor_descriptors(void **state)
{
    (void)state;
    run_checks(race_cancels, NULL);
}

/* --- Two tasks --- */

static intptr_t use_while_another_reads(void *arg)
{
    char name[256];
    whorl_dir_entry entry;
    write_whole(path_of("file").text, "", 0);
    check_equal(open_dir(&dir), 0);
    check_equal(whorl_dir_rewind(&dir), 0);
    keep_only_thread();
    whorl_task *reader = whorl_spawn(next_name, name);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_dir_next(&dir, &entry), -EBUSY);
    check_equal(whorl_dir_rewind(&dir), -EBUSY);
    check_equal(whorl_dir_close(&dir), -EBUSY);
    let_only_thread_go();
    check_equal(whorl_join(reader), 1);
    check_text(name, "file");
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void while_a_task_waits_for_entries_others_are_refused(void **state)
{
    (void)state;
    run_checks_with(&one_thread, use_while_another_reads, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(in_a_cancelled_task_nothing_is_read_and_closing_works),
        behaviour(cancelled_in_the_queue_a_call_has_no_effect),
        behaviour(a_cancel_at_any_time_loses_neither_entries_nor_descriptors),
        behaviour(while_a_task_waits_for_entries_others_are_refused),
    };
    return run_behaviours("dir_cancel", tests);
}
