/*
 * The part `post` of sync: the table, what its subjects share, and whorl's. Calls come in bursts.
 * The time of the calls themselves is the poster's; then it waits until all of the burst have run,
 * which together is the time from end to end. Each call must run once, and in its turn.
 *
 * The loop is busy all the while: its main task yields.
 */
#include "sync_post.h"

#include <errno.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "sync.h"

enum { TRIAL_BURSTS = 20, LINE = 64 };

#define LOST_AFTER (10 * NS_PER_SECOND) /* a call that has not run by then */

/* What has run; written by the thread that runs the calls. */
static struct {
    _Alignas(LINE) uint64_t count;
    uint64_t out_of_turn;
} ran;

intptr_t post_run(void *number)
{
    ran.out_of_turn += (uintptr_t)number != ran.count;
    __atomic_store_n(&ran.count, ran.count + 1, __ATOMIC_RELEASE);
    return 0;
}

/* Waits until `count` calls have run: 0, or an error. */
static int await_calls(uint64_t count)
{
    int64_t start = clock_now();
    while (__atomic_load_n(&ran.count, __ATOMIC_ACQUIRE) < count)
        if (clock_now() - start > LOST_AFTER)
            return ETIMEDOUT;
    return 0;
}

/* What the calls have taken of the thread that posts. */
typedef struct taken {
    int64_t elapsed;
    int64_t cpu;
} taken;

static int post_bursts(poster *in, uint64_t bursts, uint64_t *posted, taken *calls)
{
    int error = 0;
    *calls = (taken){0};
    for (uint64_t i = 0; i < bursts && error == 0; i++) {
        int64_t cpu = clock_cpu_of_thread(), start = clock_now();
        error = in->post(in, *posted);
        calls->elapsed += clock_now() - start;
        calls->cpu += clock_cpu_of_thread() - cpu;
        *posted += POST_BURST;
        if (error == 0)
            error = await_calls(*posted);
    }
    return error;
}

static int measure(poster *in)
{
    uint64_t posted = 0;
    taken calls;
    int64_t start = clock_now();
    int error = post_bursts(in, TRIAL_BURSTS, &posted, &calls);
    if (error != 0)
        return error;
    uint64_t bursts = clock_scale(TRIAL_BURSTS, clock_now() - start, (int64_t)in->given->seconds);
    start = clock_now();
    error = post_bursts(in, bursts, &posted, &calls);
    sample_rate(in->out, bursts * POST_BURST, clock_now() - start, calls.cpu);
    in->out->value[FIGURE_CALL_NS] = (double)calls.elapsed / (double)(bursts * POST_BURST);
    return error == 0 && (ran.count != posted || ran.out_of_turn > 0) ? EIO : error;
}

static void *body(void *arg)
{
    poster *in = arg;
    cpu_pin(1);
    in->error = measure(in);
    __atomic_store_n(&in->is_over, true, __ATOMIC_RELEASE);
    return NULL;
}

int post_start(poster *in, pthread_t *thread)
{
    cpu_pin(0);
    return pthread_create(thread, NULL, body, in);
}

bool post_is_over(const poster *in)
{
    return __atomic_load_n(&in->is_over, __ATOMIC_ACQUIRE);
}

/* --- whorl --- */

static int post_allocated(poster *self, uint64_t first)
{
    int error = 0;
    for (uint64_t i = first; i < first + POST_BURST && error == 0; i++)
        error = whorl_post(self->context, post_run, (void *)(uintptr_t)i);
    return error;
}

/* A burst's memory is free again when it has run. */
static int post_in_place(poster *self, uint64_t first)
{
    static whorl_posted places[POST_BURST];
    int error = 0;
    for (uint64_t i = 0; i < POST_BURST && error == 0; i++)
        error =
            whorl_post_with(self->context, &places[i], post_run, (void *)(uintptr_t)(first + i));
    return error;
}

static intptr_t main_task(void *arg)
{
    poster *in = arg;
    pthread_t thread;
    in->context = whorl_loop_hold();
    if (in->context == NULL)
        return -ENOMEM;
    int error = post_start(in, &thread);
    if (error == 0) {
        while (!post_is_over(in))
            whorl_yield();
        pthread_join(thread, NULL);
        error = in->error;
    }
    whorl_loop_drop(in->context);
    return error > 0 ? -error : error;
}

static int run(poster *in)
{
    intptr_t result = whorl_run(main_task, in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_post(const options *given, sample *out)
{
    return run(&(poster){.given = given, .out = out, .post = post_allocated});
}

static int run_post_with(const options *given, sample *out)
{
    return run(&(poster){.given = given, .out = out, .post = post_in_place});
}

static int processors_missing(const options *given, char reason[REASON_MAX])
{
    (void)given;
    if (cpu_count() > 1)
        return 0;
    snprintf(reason, REASON_MAX, "it needs two processors, and may use one");
    return -1;
}

const workload sync_post_workload = {
    .command = COMMAND_SYNC,
    .part = "post",
    .main = FIGURE_CALL_NS,
    .ratios_of = {{"a call", FIGURE_CALL_NS},
                  {"CPU", FIGURE_CPU_NS_PER_OP},
                  {"to the end", FIGURE_NS_PER_OP}},
    .columns = {{"a call", FIGURE_CALL_NS, UNIT_NS},
                {"its CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"to the end", FIGURE_NS_PER_OP, UNIT_NS},
                {"calls/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_post, processors_missing, NULL},
                 {"whorl-with", run_post_with, processors_missing, NULL},
                 {"list", post_run_list, processors_missing, NULL},
                 {"eventfd", post_run_eventfd, processors_missing, NULL}},
    .ratios = {{"whorl", "list"}, {"whorl", "eventfd"}, {"whorl-with", "list"}},
    .notes =
        {"a call: of the thread that posts, its time in it; to the end: all, until each has run.",
         "whorl: whorl_post; -with: _post_with; each runs as a task, beside one that yields.",
         "list: a list with a mutex, which the busy thread looks at; eventfd: and a write(2) a",
         "call, which it reads. Each on a processor of its own. Bursts of 1000."},
};
