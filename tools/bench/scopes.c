/* The parts of the scopes workload, and which options apply to each; see scopes.h. */
#include "scopes.h"

enum { GATHERED_CALLS = 1000 };

static void only_seconds(options *own)
{
    own->tasks = 0;
    own->timers = 0;
}

static void only_calls(options *own)
{
    own->tasks = GATHERED_CALLS;
    own->timers = 0;
}

static void only_tasks(options *own)
{
    own->timers = 0;
}

static void only_timers(options *own)
{
    own->tasks = 0;
    own->seconds = 0;
}

static const struct {
    const workload *workload;
    void (*adapt)(options *own);
} parts[] = {
    {&scopes_timeout_workload, only_seconds},
    {&scopes_gather_workload, only_calls},
    {&scopes_cancel_workload, only_tasks},
    {&scopes_timers_workload, only_timers},
};

const workload *scopes_part(size_t index, options *own)
{
    if (index >= sizeof parts / sizeof parts[0])
        return NULL;
    parts[index].adapt(own);
    return parts[index].workload;
}
