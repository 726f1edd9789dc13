/*
 * The part `timeout` of scopes: what a limit of time adds to an op that completes within it. Blocks
 * of ops with the limit and without it alternate within one run, as the difference is a small part
 * of either; the figure is the median of the differences of neighbours.
 *
 * The first timer that is armed costs the loop more than those after it: it begins to look at the
 * clock, and gives the kernel a limit with each wait. So a scope is measured with and without a
 * task asleep beside it.
 */
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "scopes.h"
#include "sleeping.h"

enum { PAIRS = 201, TRIAL = 2000 };

/* Runs one op that does nothing, and returns its result. */
typedef int way(void);

typedef struct job {
    const options *given;
    sample *out;
    way *within; /* the limit */
    bool has_sleeper;
} job;

/* ns an op, by pair. */
typedef struct pairs {
    double alone[PAIRS];
    double within[PAIRS];
    double added[PAIRS];
} pairs;

static int await_alone(void)
{
    whorl_op op = whorl_op_nop();
    return whorl_op_await(&op);
}

static int await_in_scope(void)
{
    whorl_timeout scope;
    whorl_timeout_begin(&scope, WHORL_SECONDS(10));
    whorl_op op = whorl_op_nop();
    int result = whorl_op_await(&op);
    return (int)whorl_timeout_end(&scope, result);
}

static int await_with_timeout(void)
{
    whorl_op op = whorl_op_nop();
    op.timeout = WHORL_SECONDS(10);
    return whorl_op_await(&op);
}

/* `count` ops one after the other; the ns that they took go to *took. 0, or the first error. */
static int run_block(way *run, uint64_t count, int64_t *took)
{
    int64_t start = clock_now();
    for (uint64_t i = 0; i < count; i++) {
        int error = run();
        if (__builtin_expect(error != 0, 0))
            return error;
    }
    *took = clock_now() - start;
    return 0;
}

static int run_pair(const job *in, uint64_t count, size_t index, pairs *out)
{
    int64_t alone = 0, within = 0;
    int error = 0;
    if (index % 2 == 0)
        error = run_block(await_alone, count, &alone);
    if (error == 0)
        error = run_block(in->within, count, &within);
    if (error == 0 && index % 2 != 0)
        error = run_block(await_alone, count, &alone);
    out->alone[index] = (double)alone / (double)count;
    out->within[index] = (double)within / (double)count;
    out->added[index] = out->within[index] - out->alone[index];
    return error;
}

static int measure(const job *in)
{
    static pairs seen;
    int64_t took = 0;
    int error = run_block(in->within, TRIAL, &took);
    if (error != 0)
        return error;
    uint64_t count = clock_scale(TRIAL, took, (int64_t)in->given->seconds / (2 * PAIRS));
    for (size_t i = 0; i < PAIRS && error == 0; i++)
        error = run_pair(in, count, i, &seen);
    in->out->value[FIGURE_ALONE_NS] = figures_median(seen.alone, PAIRS);
    in->out->value[FIGURE_NS_PER_OP] = figures_median(seen.within, PAIRS);
    in->out->value[FIGURE_ADDED_NS] = figures_median(seen.added, PAIRS);
    return error;
}

static intptr_t main_task(void *arg)
{
    const job *in = arg;
    sleeping beside;
    intptr_t failed = sleeping_start(&beside, in->has_sleeper ? 1 : 0);
    if (failed == 0)
        failed = measure(in);
    intptr_t ended = sleeping_end(&beside);
    return failed != 0 ? failed : ended;
}

static int run(const options *given, sample *out, way *within, bool has_sleeper)
{
    job in = {given, out, within, has_sleeper};
    cpu_pin(0);
    intptr_t result = whorl_run(main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_scope(const options *given, sample *out)
{
    return run(given, out, await_in_scope, false);
}

static int run_scope_beside(const options *given, sample *out)
{
    return run(given, out, await_in_scope, true);
}

static int run_op_timeout(const options *given, sample *out)
{
    return run(given, out, await_with_timeout, false);
}

const workload scopes_timeout_workload = {
    .command = COMMAND_SCOPES,
    .part = "timeout",
    .main = FIGURE_ADDED_NS,
    .ratios_of = {{"added", FIGURE_ADDED_NS}},
    .columns = {{"op alone", FIGURE_ALONE_NS, UNIT_NS},
                {"with limit", FIGURE_NS_PER_OP, UNIT_NS},
                {"added", FIGURE_ADDED_NS, UNIT_NS}},
    .subjects = {{"whorl", run_scope, NULL, NULL},
                 {"whorl-beside", run_scope_beside, NULL, NULL},
                 {"whorl-op-timeout", run_op_timeout, NULL, NULL}},
    .ratios = {{"whorl", "whorl-op-timeout"}},
    .notes =
        {"whorl: a timeout scope round an op that does nothing; whorl-op-timeout: the op's own.",
         "whorl-beside: with a task asleep beside it, so that the loop has a timer anyway."},
};
