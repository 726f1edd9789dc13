/*
 * See sleeping.h. The sleepers share one counter and no lock: a task runs until it waits, and all
 * are on one thread.
 */
#include "sleeping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24, YIELDS_MAX = 1000 };

static intptr_t sleep_long(void *arg)
{
    sleeping *in = arg;
    in->asleep++;
    int result = whorl_sleep(WHORL_SECONDS(3600) * HOURS);
    return result != 0 ? result : -ETIMEDOUT;
}

int sleeping_open(sleeping *out, uint64_t count)
{
    *out = (sleeping){.wanted = count};
    out->tasks = malloc(count * sizeof *out->tasks);
    if (out->tasks == NULL)
        return -ENOMEM;
    memset(out->tasks, 1, count * sizeof *out->tasks);
    return 0;
}

intptr_t sleeping_fill(sleeping *in)
{
    for (; in->count < in->wanted; in->count++) {
        in->tasks[in->count] = whorl_spawn(sleep_long, in);
        if (in->tasks[in->count] == NULL)
            return -ENOMEM;
    }
    for (int i = 0; in->asleep < in->wanted && i < YIELDS_MAX; i++) {
        int error = whorl_yield();
        if (error != 0)
            return error;
    }
    return in->asleep == in->wanted ? 0 : -EIO;
}

intptr_t sleeping_start(sleeping *out, uint64_t count)
{
    int error = sleeping_open(out, count);
    return error != 0 ? error : sleeping_fill(out);
}

intptr_t sleeping_end(sleeping *in)
{
    intptr_t failed = 0;
    for (uint64_t i = 0; i < in->count; i++) {
        int error = whorl_cancel(in->tasks[i]);
        failed = error != 0 ? error : failed;
    }
    for (uint64_t i = 0; i < in->count; i++) {
        intptr_t result = whorl_join(in->tasks[i]);
        failed = result != -ECANCELED ? -EIO : failed;
    }
    free(in->tasks);
    return failed;
}
