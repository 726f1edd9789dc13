/* The kernel's workers that run what the calling thread has submitted: threads of this process. */
#ifndef TESTS_OP_WORKERS_H
#define TESTS_OP_WORKERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int count_workers(void)
{
    int count = 0;
    char wanted[32];
    snprintf(wanted, sizeof wanted, "iou-wrk-%d", (int)gettid());
    const struct dirent *task;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && (task = readdir(tasks))) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        if (task->d_name[0] != '.' && read_whole(path, name, sizeof name - 1) > 0)
            count += strncmp(name, wanted, strlen(wanted)) == 0;
    }
    if (tasks)
        closedir(tasks);
    return count;
}

#endif
