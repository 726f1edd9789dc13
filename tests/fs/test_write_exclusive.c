/* Whole files that must be new: WHORL_FILE_EXCLUSIVE, alone and in a crowd. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/write_ways.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static intptr_t write_only_new(void *arg)
{
    whorl_write_options options = {.flags = WHORL_FILE_EXCLUSIVE};
    check_equal(write_text_with("file", "first", &options), 0);
    check_equal(write_text_with("file", "second", &options), -EEXIST);
    check(holds("file", "first"));
    check_equal(symlink("none", path_of("dangling").text), 0);
    check_equal(write_text_with("dangling", "a", &options), -EEXIST);
    check_equal(write_file_with(arg, "a", 1, &options, way), -EEXIST);
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    check_equal(write_text_with("fifo", "a", &options), -EEXIST);
    check_equal(names_in(arg), 3);
    check_equal(unlink(path_of("fifo").text), 0);
    check_equal(unlink(path_of("dangling").text), 0);
    return unlink(path_of("file").text);
}

static void an_exclusive_write_makes_a_new_name_or_gives_EEXIST(void **state)
{
    (void)state;
    run_both_ways(write_only_new);
}

static intptr_t write_it_first(void *arg)
{
    whorl_write_options options = {.flags = WHORL_FILE_EXCLUSIVE | WHORL_FILE_UNSYNCED};
    return write_text_with("race", arg, &options);
}

static intptr_t race(void *arg)
{
    enum { RUNNERS = 16 };
    whorl_task *tasks[RUNNERS];
    intptr_t results[RUNNERS];
    int winners = 0;
    char texts[RUNNERS][24];
    for (int i = 0; i < RUNNERS; i++) {
        snprintf(texts[i], sizeof texts[i], "runner %d", i);
        tasks[i] = whorl_spawn(write_it_first, texts[i]);
    }
    check_equal(whorl_gather(tasks, RUNNERS, results, WHORL_COLLECT), 0);
    for (int i = 0; i < RUNNERS; i++) {
        check(results[i] == 0 || results[i] == -EEXIST);
        winners += results[i] == 0;
        if (results[i] == 0)
            check(holds("race", texts[i]));
    }
    check_equal(winners, 1);
    check_equal(names_in(arg), 1);
    return unlink(path_of("race").text);
}

static void of_many_exclusive_writes_of_a_name_one_succeeds(void **state)
{
    (void)state;
    for (long i = 0; i < test_rounds(10); i++)
        run_both_ways(race);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(an_exclusive_write_makes_a_new_name_or_gives_EEXIST),
        behaviour(of_many_exclusive_writes_of_a_name_one_succeeds),
    };
    return run_behaviours("write_exclusive", tests);
}
