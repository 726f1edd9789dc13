/*
 * The spawn workload: one task is spawned and joined, over and over, while others are asleep. The
 * pool is warm: a first trial, which also tells how many fill the time, is not counted.
 */
#include "spawn.h"

#include <errno.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "parked.h"
#include "sleeping.h"

enum { TASK_TRIAL = 10000, THREAD_TRIAL = 500 };

typedef struct job {
    const options *given;
    sample *out;
} job;

static intptr_t end_at_once(void *arg)
{
    return (intptr_t)arg;
}

/* Spawns and joins `count` tasks, each of which gives a result that is looked at. */
static intptr_t spawn_and_join(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        intptr_t wanted = (intptr_t)(i & 0xFFFF);
        whorl_task *task = whorl_spawn(end_at_once, (void *)wanted);
        if (__builtin_expect(task == NULL, 0))
            return -ENOMEM;
        intptr_t result = whorl_join(task);
        if (__builtin_expect(result != wanted, 0))
            return result < 0 ? result : -EIO;
    }
    return 0;
}

static intptr_t measure(const job *in)
{
    int64_t start = clock_now();
    intptr_t failed = spawn_and_join(TASK_TRIAL);
    if (failed != 0)
        return failed;
    uint64_t count = clock_scale(TASK_TRIAL, clock_now() - start, (int64_t)in->given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    failed = spawn_and_join(count);
    sample_rate(in->out, count, clock_now() - start, clock_cpu() - cpu);
    return failed;
}

static intptr_t main_task(void *arg)
{
    const job *in = arg;
    sleeping others;
    intptr_t failed = sleeping_start(&others, in->given->tasks);
    if (failed == 0)
        failed = measure(in);
    intptr_t ended = sleeping_end(&others);
    return failed != 0 ? failed : ended;
}

static int run_whorl(const options *given, sample *out)
{
    job in = {given, out};
    cpu_pin(0);
    intptr_t result = whorl_run(main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static void *thread_body(void *arg)
{
    return arg;
}

static int start_and_join(const pthread_attr_t *attributes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, attributes, thread_body, NULL);
        if (error != 0)
            return fail_call("starting a thread", error);
        pthread_join(thread, NULL);
    }
    return 0;
}

/* All on one processor: starting and joining across two costs a wake-up from one to the other. */
static int run_threads(const options *given, sample *out)
{
    parked others;
    cpu_pin(0);
    if (parked_start(&others, given->tasks) != 0)
        return -1;
    int64_t start = clock_now();
    int failed = start_and_join(&others.attributes, THREAD_TRIAL);
    uint64_t count = clock_scale(THREAD_TRIAL, clock_now() - start, (int64_t)given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    failed |= start_and_join(&others.attributes, count);
    sample_rate(out, count, clock_now() - start, clock_cpu() - cpu);
    parked_end(&others);
    return failed;
}

const workload spawn_workload = {
    .command = COMMAND_SPAWN,
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"spawn + join", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"tasks/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_whorl, NULL, NULL}, {"threads", run_threads, NULL, parked_cap}},
    .ratios = {{"whorl", "threads"}},
    .notes = {"As many others are asleep meanwhile; threads: 2000 at most."},
};
