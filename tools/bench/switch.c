/*
 * The switch workload: the subject `whorl`, what the baselines share, and the table. The main task
 * waits in a join meanwhile, so only the tasks of the circle are ready.
 */
#include "switch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"
#include "fail.h"

/* A trial's tasks share what is left to do, so they end within one round of each other. */
typedef struct yielding {
    uint64_t tasks;
    uint64_t count;
    whorl_task **handles;
    switch_times *took;
} yielding;

static intptr_t yield_often(void *arg)
{
    uint64_t count = *(const uint64_t *)arg;
    for (uint64_t i = 0; i < count; i++) {
        int error = whorl_yield();
        if (__builtin_expect(error != 0, 0))
            return error;
    }
    return 0;
}

static intptr_t join_all(const yielding *in, uint64_t spawned)
{
    intptr_t failed = spawned < in->tasks ? -ENOMEM : 0;
    for (uint64_t i = 0; i < spawned; i++) {
        intptr_t result = whorl_join(in->handles[i]);
        failed = result < 0 ? result : failed;
    }
    return failed;
}

static intptr_t trial_main(void *arg)
{
    const yielding *in = arg;
    uint64_t each = in->count / in->tasks;
    uint64_t spawned = 0;
    for (; spawned < in->tasks; spawned++) {
        in->handles[spawned] = whorl_spawn(yield_often, &each);
        if (in->handles[spawned] == NULL)
            break;
    }
    int64_t cpu = clock_cpu(), start = clock_now();
    intptr_t failed = join_all(in, spawned);
    *in->took = (switch_times){clock_now() - start, clock_cpu() - cpu};
    return failed;
}

static int run_trial(uint64_t tasks, uint64_t count, switch_times *took)
{
    yielding in = {tasks, count, calloc(tasks, sizeof(whorl_task *)), took};
    if (in.handles == NULL)
        return fail("no memory for %llu tasks", (unsigned long long)tasks);
    intptr_t result = whorl_run(trial_main, &in);
    free(in.handles);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

char *switch_stacks(uint64_t count)
{
    void *made = mmap(NULL, count * SWITCH_STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made != MAP_FAILED)
        return made;
    fail("no memory for %llu stacks", (unsigned long long)count);
    return NULL;
}

int switch_measure(const options *given, sample *out,
                   int (*trial)(uint64_t tasks, uint64_t count, switch_times *took))
{
    switch_times took;
    uint64_t least = given->tasks * 2, count = SWITCH_TRIAL > least ? SWITCH_TRIAL : least;
    cpu_pin(0);
    count -= count % given->tasks;
    if (trial(given->tasks, count, &took) != 0)
        return -1;
    count = clock_scale(count, took.elapsed, (int64_t)given->seconds);
    count = count > least ? count - count % given->tasks : least;
    if (trial(given->tasks, count, &took) != 0)
        return -1;
    sample_rate(out, count, took.elapsed, took.cpu);
    return 0;
}

int switch_run_whorl(const options *given, sample *out)
{
    return switch_measure(given, out, run_trial);
}

static int bare_missing(const options *given, char reason[REASON_MAX])
{
    (void)given;
    (void)reason;
#if defined(__x86_64__) || defined(__aarch64__)
    return 0;
#else
    snprintf(reason, REASON_MAX, "it is written for x86-64 and aarch64");
    return -1;
#endif
}

const workload switch_workload = {
    .command = COMMAND_SWITCH,
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"switch", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"switches/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", switch_run_whorl, NULL, NULL},
                 {"bare", switch_run_bare, bare_missing, NULL},
                 {"ucontext", switch_run_ucontext, NULL, NULL}},
    .ratios = {{"whorl", "bare"}, {"whorl", "ucontext"}},
};
