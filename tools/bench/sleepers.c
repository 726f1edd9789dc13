/*
 * The sleepers workload: many tasks asleep at once, each on a stack with a guard. Resident memory
 * is that of /proc/self/statm before the first spawn and when all are asleep. An operation is the
 * whole life of a task: spawned, asleep, cancelled, joined; the parts are given as well.
 */
#include "sleepers.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "memory.h"
#include "parked.h"
#include "sleeping.h"

enum { BYTES_WANTED = 6144 }; /* a task, with page tables and room for error */

typedef struct job {
    const options *given;
    sample *out;
} job;

/* What the points in time and the memory between them give. */
typedef struct marks {
    int64_t start;
    int64_t asleep;
    int64_t end;
    int64_t cpu;
    int64_t before; /* resident bytes */
    int64_t after;
} marks;

static void fill(sample *out, uint64_t count, const marks *at)
{
    double n = (double)count;
    sample_rate(out, count, at->end - at->start, at->cpu);
    out->value[FIGURE_SPAWN_NS] = (double)(at->asleep - at->start) / n;
    out->value[FIGURE_CANCEL_NS] = (double)(at->end - at->asleep) / n;
    out->value[FIGURE_BYTES_PER_TASK] = (double)(at->after - at->before) / n;
}

static intptr_t main_task(void *arg)
{
    const job *in = arg;
    sleeping all;
    marks at;
    intptr_t failed = sleeping_open(&all, in->given->tasks);
    if (failed != 0)
        return failed;
    at.before = memory_resident();
    int64_t cpu = clock_cpu();
    at.start = clock_now();
    failed = sleeping_fill(&all);
    at.asleep = clock_now();
    at.after = memory_resident();
    int64_t resumed = clock_now();
    intptr_t ended = sleeping_end(&all);
    at.end = clock_now() - (resumed - at.asleep);
    at.cpu = clock_cpu() - cpu;
    if (at.before < 0 || at.after < 0)
        return -ENOENT;
    fill(in->out, in->given->tasks, &at);
    return failed != 0 ? failed : ended;
}

static int run_whorl(const options *given, sample *out)
{
    job in = {given, out};
    cpu_pin(0);
    intptr_t result = whorl_run(main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_threads(const options *given, sample *out)
{
    parked all;
    marks at = {.before = memory_resident()};
    cpu_pin(0);
    int64_t cpu = clock_cpu();
    at.start = clock_now();
    if (parked_start(&all, given->tasks) != 0)
        return -1;
    at.asleep = clock_now();
    at.after = memory_resident();
    int64_t resumed = clock_now();
    parked_end(&all);
    at.end = clock_now() - (resumed - at.asleep);
    at.cpu = clock_cpu() - cpu;
    if (at.before < 0 || at.after < 0)
        return fail("cannot read /proc/self/statm: mount /proc");
    fill(out, given->tasks, &at);
    return 0;
}

int sleepers_fit(const options *given, char reason[REASON_MAX])
{
    return memory_fit("tasks", given->tasks, BYTES_WANTED, reason);
}

const workload sleepers_workload = {
    .command = COMMAND_SLEEPERS,
    .fit = sleepers_fit,
    .main = FIGURE_BYTES_PER_TASK,
    .ratios_of = {{"bytes", FIGURE_BYTES_PER_TASK}, {"ns", FIGURE_NS_PER_OP}},
    .columns = {{"bytes/task", FIGURE_BYTES_PER_TASK, UNIT_BYTES},
                {"to sleep", FIGURE_SPAWN_NS, UNIT_NS},
                {"to end", FIGURE_CANCEL_NS, UNIT_NS},
                {"both", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", run_whorl, NULL, NULL}, {"threads", run_threads, NULL, parked_cap}},
    .ratios = {{"whorl", "threads"}},
    .notes = {"to sleep: spawn until asleep; to end: cancel and join (threads: wake and join).",
              "threads: 2000 at most, on stacks of 64 KiB; kernel stacks are not counted."},
};
