/*
 * The part `gather` of scopes: --tasks trivial calls, each in a task of its own, over and over. A
 * first trial, which also tells how many fill the time, is not counted, so the pool is warm.
 */
#include <errno.h>
#include <stdlib.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "scopes.h"

enum { TRIAL = 50 };

typedef struct job {
    const options *given;
    sample *out;
    int (*once)(const struct job *in); /* all calls, once: 0, or an error */
    whorl_call *calls;
    whorl_task **tasks;
    intptr_t *results;
} job;

static intptr_t end_at_once(void *arg)
{
    return (intptr_t)arg;
}

static int gather_once(const job *in)
{
    return whorl_gather_calls(in->calls, in->given->tasks, in->results, 0);
}

static int spawn_and_join_once(const job *in)
{
    for (uint64_t i = 0; i < in->given->tasks; i++) {
        in->tasks[i] = whorl_spawn(in->calls[i].fn, in->calls[i].arg);
        if (__builtin_expect(in->tasks[i] == NULL, 0))
            return -ENOMEM;
    }
    for (uint64_t i = 0; i < in->given->tasks; i++)
        in->results[i] = whorl_join(in->tasks[i]);
    return 0;
}

/* Each call must have given its own argument. */
static int check_results(const job *in)
{
    for (uint64_t i = 0; i < in->given->tasks; i++)
        if (in->results[i] != (intptr_t)i)
            return -EIO;
    return 0;
}

static int repeat(const job *in, uint64_t times)
{
    int error = 0;
    for (uint64_t i = 0; i < times && error == 0; i++) {
        error = in->once(in);
        if (error == 0)
            error = check_results(in);
    }
    return error;
}

static intptr_t main_task(void *arg)
{
    const job *in = arg;
    int64_t start = clock_now();
    int error = repeat(in, TRIAL);
    if (error != 0)
        return error;
    uint64_t times = clock_scale(TRIAL, clock_now() - start, (int64_t)in->given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    error = repeat(in, times);
    sample_rate(in->out, times * in->given->tasks, clock_now() - start, clock_cpu() - cpu);
    return error;
}

static int run(const options *given, sample *out, int (*once)(const job *in))
{
    uint64_t count = given->tasks;
    job in = {given,
              out,
              once,
              calloc(count, sizeof(whorl_call)),
              calloc(count, sizeof(whorl_task *)),
              calloc(count, sizeof(intptr_t))};
    bool has_memory = in.calls != NULL && in.tasks != NULL && in.results != NULL;
    for (uint64_t i = 0; has_memory && i < count; i++)
        in.calls[i] = (whorl_call){end_at_once, (void *)(uintptr_t)i};
    cpu_pin(0);
    intptr_t result = has_memory ? whorl_run(main_task, &in) : -ENOMEM;
    free(in.calls);
    free(in.tasks);
    free(in.results);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_gather(const options *given, sample *out)
{
    return run(given, out, gather_once);
}

static int run_spawn_join(const options *given, sample *out)
{
    return run(given, out, spawn_and_join_once);
}

const workload scopes_gather_workload = {
    .command = COMMAND_SCOPES,
    .part = "gather",
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"a task", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"tasks/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_gather, NULL, NULL},
                 {"whorl-spawn-join", run_spawn_join, NULL, NULL}},
    .ratios = {{"whorl", "whorl-spawn-join"}},
    .notes = {"whorl: whorl_gather_calls; whorl-spawn-join: all spawned, then all joined."},
};
