/*
 * A run in which one operation on files is with the kernel at a time: whatever needs several of
 * them, at once or in a chain, still comes to its end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/log_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { LARGE = 5 << 20, APPENDERS = 20, APPENDS = 20 };

static char sent[LARGE], got[LARGE];

static intptr_t use_file(void *arg)
{
    test_path path = path_of("buffered");
    int flags = *(const int *)arg;
    whorl_file *file;
    int error = whorl_file_open(path.text, O_RDWR | O_CREAT | O_TRUNC | flags,
                                &(whorl_file_options){.buffer_size = 64 << 10}, &file);
    if (error == -EINVAL && flags)
        error = whorl_file_open(path.text, O_RDWR | O_CREAT | O_TRUNC, NULL, &file);
    if (error)
        return error;
    check_equal(whorl_file_write(file, sent, LARGE - 1), LARGE - 1);
    check_equal(whorl_file_sync(file), 0);
    check_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    check_equal(whorl_file_read(file, got, LARGE), LARGE - 1);
    check_equal(memcmp(got, sent, LARGE - 1), 0);
    return whorl_file_close(file);
}

static intptr_t use_whole_files(void *arg)
{
    test_path path = path_of("whole"), copy = path_of("copy");
    char *data;
    size_t size;
    (void)arg;
    check_equal(whorl_write_file(path.text, sent, 1000, NULL), 0);
    check_equal(whorl_write_file(path.text, sent, LARGE, NULL), 0);
    check_equal(whorl_copy_file(path.text, copy.text, 0), 0);
    if (!check_equal(whorl_read_file(copy.text, &data, &size, 0), 0))
        return 0;
    check_equal(size, LARGE);
    check_equal(memcmp(data, sent, LARGE), 0);
    free(data);
    return 0;
}

static whorl_log log_here;

static intptr_t append_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < APPENDS; i++)
        check(whorl_log_append(&log_here, sent, 100 + (size_t)i) >= 0);
    return 0;
}

static intptr_t use_log(void *arg)
{
    whorl_group group;
    whorl_log_stats stats;
    (void)arg;
    check_equal(whorl_log_open(&log_here, path_of("log").text, NULL), 0);
    whorl_group_init(&group);
    for (int i = 0; i < APPENDERS; i++)
        check_equal(whorl_group_spawn(&group, append_some, NULL), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(whorl_log_get_stats(&log_here, &stats), 0);
    check_equal(stats.records, APPENDERS * APPENDS);
    check_equal(whorl_log_truncate(&log_here, whorl_log_end(&log_here)), 0);
    return whorl_log_close(&log_here);
}

/* All of it at once, and then the tree that it is in. */
static intptr_t use_all(void *arg)
{
    whorl_tree_report report;
    whorl_group group;
    (void)arg;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 31 + i / 4096);
    whorl_group_init(&group);
    check_equal(whorl_group_spawn(&group, use_whole_files, NULL), 0);
    check_equal(whorl_group_spawn(&group, use_log, NULL), 0);
    check_equal(whorl_group_wait(&group, 0), 0);
    check_equal(use_file(&(int){0}), 0);
    check_equal(use_file(&(int){O_DIRECT}), 0);
    check_equal(whorl_mkdir(path_of("tree").text, 0700), 0);
    check_equal(whorl_rename(path_of("whole").text, path_of("tree/whole").text), 0);
    check_equal(whorl_copy_tree(path_of("tree").text, path_of("other").text, 0, &report), 0);
    check_equal(report.bytes, LARGE);
    return whorl_remove_tree(path_of("other").text, 0, NULL);
}

static void files_logs_and_trees_need_no_more_than_one_place(void **state)
{
    (void)state;
    run_checks_with(&(whorl_config){.file_ops = 1}, use_all, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(files_logs_and_trees_need_no_more_than_one_place),
    };
    return run_behaviours("one place", tests);
}
