/*
 * The part `timers` of scopes: --timers of them armed at once, with random deadlines. whorl-scopes
 * has them as timeout scopes of one task, nested, so that they end in the opposite order of their
 * beginning. whorl-timers has the engine's timers alone, removed in random order; armed once more,
 * they expire in the order of their deadlines, which is looked at.
 *
 * The numbers are the same in every run. All memory is touched before the clock starts.
 */
#include <core/timers.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "memory.h"
#include "scopes.h"

enum { BYTES_EACH = 128, SOONEST_SECONDS = 3600, LATEST_SECONDS = 7200 };

/* A timer that finds its witness, as one embedded in something else does. */
typedef struct armed {
    struct timer timer;
    struct witness *witness;
} armed;

/* Sees the timers fire. */
typedef struct witness {
    uint64_t fired;
    uint64_t misplaced; /* fired after one with a later deadline */
    int64_t deadline;   /* of the one that fired last */
} witness;

typedef struct job {
    uint64_t count;
    int64_t *deadlines;
    uint32_t *order; /* in which to remove them */
    armed *timers;
    whorl_timeout *scopes;
    sample *out;
} job;

/* xorshift64: the next of a sequence that never is 0. (Marsaglia: Xorshift RNGs, 2003.) */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill_random(job *in)
{
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t range = (LATEST_SECONDS - SOONEST_SECONDS) * (uint64_t)NS_PER_SECOND;
    int64_t soonest = whorl_now() + SOONEST_SECONDS * NS_PER_SECOND;
    for (uint64_t i = 0; i < in->count; i++) {
        uint64_t other = random_next(&state) % (i + 1);
        in->deadlines[i] = soonest + (int64_t)(random_next(&state) % range);
        in->order[i] = in->order[other];
        in->order[other] = (uint32_t)i;
    }
}

static double each(const job *in, int64_t from, int64_t to)
{
    return (double)(to - from) / (double)in->count;
}

/* --- Nested timeout scopes --- */

static intptr_t nest_scopes(void *arg)
{
    const job *in = arg;
    intptr_t failed = 0;
    int64_t start = clock_now();
    for (uint64_t i = 0; i < in->count; i++)
        failed |= whorl_timeout_begin_at(&in->scopes[i], in->deadlines[i]);
    int64_t armed_at = clock_now();
    for (uint64_t i = in->count; i-- > 0;)
        failed |= whorl_timeout_end(&in->scopes[i], 0);
    int64_t end = clock_now();
    in->out->value[FIGURE_INSERT_NS] = each(in, start, armed_at);
    in->out->value[FIGURE_REMOVE_NS] = each(in, armed_at, end);
    return failed != 0 ? -EIO : 0;
}

/* --- The engine's timers --- */

static void fire(struct timer *timer)
{
    witness *sees = ((armed *)timer)->witness;
    sees->fired++;
    sees->misplaced += timer->deadline < sees->deadline;
    sees->deadline = timer->deadline;
}

static void arm_all(const job *in, struct timers *timers)
{
    for (uint64_t i = 0; i < in->count; i++)
        timer_arm(timers, &in->timers[i].timer, in->deadlines[i]);
}

/* Whether none was left. */
static bool arm_and_remove(const job *in, struct timers *timers)
{
    int64_t start = clock_now();
    arm_all(in, timers);
    int64_t armed_at = clock_now();
    for (uint64_t i = 0; i < in->count; i++)
        timer_disarm(timers, &in->timers[in->order[i]].timer);
    in->out->value[FIGURE_REMOVE_NS] = each(in, armed_at, clock_now());
    in->out->value[FIGURE_INSERT_NS] = each(in, start, armed_at);
    return timers_next(timers) == INT64_MAX;
}

static void arm_and_expire(const job *in, struct timers *timers)
{
    arm_all(in, timers);
    int64_t start = clock_now();
    timers_expire(timers, INT64_MAX);
    in->out->value[FIGURE_EXPIRE_NS] = each(in, start, clock_now());
}

static int measure_timers(const job *in)
{
    struct timers timers = {0};
    witness sees = {0};
    for (uint64_t i = 0; i < in->count; i++)
        in->timers[i] = (armed){{.fire = fire}, &sees};
    bool is_empty = arm_and_remove(in, &timers);
    arm_and_expire(in, &timers);
    if (is_empty && sees.fired == in->count && sees.misplaced == 0)
        return 0;
    return fail("the timers went wrong: %llu of %llu fired, %llu of them not in order",
                (unsigned long long)sees.fired, (unsigned long long)in->count,
                (unsigned long long)sees.misplaced);
}

/* --- Runs --- */

static int no_memory(const job *in)
{
    return fail("no memory for %llu timers", (unsigned long long)in->count);
}

static int job_open(job *out, const options *given, sample *into)
{
    cpu_pin(0);
    *out = (job){.count = given->timers, .out = into};
    out->deadlines = malloc(out->count * sizeof *out->deadlines);
    out->order = malloc(out->count * sizeof *out->order);
    if (out->deadlines == NULL || out->order == NULL)
        return no_memory(out);
    fill_random(out);
    return 0;
}

static int run_scopes(const options *given, sample *out)
{
    job in;
    if (job_open(&in, given, out) != 0)
        return -1;
    in.scopes = malloc(in.count * sizeof *in.scopes);
    if (in.scopes == NULL)
        return no_memory(&in);
    memset(in.scopes, 1, in.count * sizeof *in.scopes);
    intptr_t result = whorl_run(nest_scopes, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_timers(const options *given, sample *out)
{
    job in;
    if (job_open(&in, given, out) != 0)
        return -1;
    in.timers = malloc(in.count * sizeof *in.timers);
    return in.timers != NULL ? measure_timers(&in) : no_memory(&in);
}

static int timers_fit(const options *given, char reason[REASON_MAX])
{
    return memory_fit("timers", given->timers, BYTES_EACH, reason);
}

const workload scopes_timers_workload = {
    .command = COMMAND_SCOPES,
    .part = "timers",
    .fit = timers_fit,
    .main = FIGURE_REMOVE_NS,
    .columns = {{"insert", FIGURE_INSERT_NS, UNIT_NS},
                {"remove", FIGURE_REMOVE_NS, UNIT_NS},
                {"expire", FIGURE_EXPIRE_NS, UNIT_NS}},
    .subjects = {{"whorl-scopes", run_scopes, NULL, NULL},
                 {"whorl-timers", run_timers, NULL, NULL}},
    .notes =
        {"whorl-scopes: timeout scopes nested in one task, ended last to first.",
         "whorl-timers: the engine's timers alone, removed in random order, expired in order."},
};
