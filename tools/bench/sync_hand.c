/*
 * The part `hand` of sync: the table, and whorl's subjects. One task gives the numbers from 0 on,
 * and the main task takes them. Through a queue or a channel that holds many, the two run in turn,
 * each until it must wait; through one that holds at most one, each item is a switch to the other
 * task and back.
 */
#include "sync_hand.h"

#include <errno.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "sync.h"

enum { TRIAL = 20000 };

/* What the two tasks share. */
typedef struct line {
    uint64_t count;
    whorl_queue queue;
    whorl_channel channel;
} line;

/* A way for items to go. */
typedef struct way {
    int (*open)(line *on);
    whorl_fn *give; /* of the line */
    whorl_fn *take; /* NULL: from the generator that `give_to` is */
    whorl_generator_fn *give_to;
} way;

typedef struct job {
    const options *given;
    sample *out;
    const way *way;
    line line;
} job;

intptr_t hand_measure(const options *given, sample *out, hand_pass *pass, void *context)
{
    int64_t start = clock_now();
    intptr_t failed = pass(context, TRIAL);
    if (failed != 0)
        return failed;
    uint64_t count = clock_scale(TRIAL, clock_now() - start, (int64_t)given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    failed = pass(context, count);
    sample_rate(out, count, clock_now() - start, clock_cpu() - cpu);
    return failed;
}

/* --- Queues --- */

static int open_queue(line *on)
{
    return whorl_queue_init(&on->queue, WHORL_QUEUE_FIFO, HAND_CAPACITY, NULL);
}

static int open_queue_of_one(line *on)
{
    return whorl_queue_init(&on->queue, WHORL_QUEUE_FIFO, 1, NULL);
}

static intptr_t put_all(void *arg)
{
    line *on = arg;
    int error = 0;
    for (uint64_t i = 0; i < on->count && error == 0; i++)
        error = whorl_queue_put(&on->queue, (void *)(uintptr_t)i);
    return error;
}

static intptr_t get_all(void *arg)
{
    line *on = arg;
    for (uint64_t i = 0; i < on->count; i++) {
        void *item;
        int error = whorl_queue_get(&on->queue, &item);
        if (__builtin_expect(error != 0 || (uintptr_t)item != i, 0))
            return error != 0 ? error : -EIO;
    }
    return 0;
}

/* --- Channels --- */

static int open_channel(line *on)
{
    return whorl_channel_init(&on->channel, sizeof(uint64_t), HAND_CAPACITY);
}

static int open_rendezvous(line *on)
{
    return whorl_channel_init(&on->channel, sizeof(uint64_t), 0);
}

static intptr_t send_all(void *arg)
{
    line *on = arg;
    int error = 0;
    for (uint64_t i = 0; i < on->count && error == 0; i++)
        error = whorl_channel_send(&on->channel, &i);
    return error;
}

static intptr_t receive_all(void *arg)
{
    line *on = arg;
    for (uint64_t i = 0; i < on->count; i++) {
        uint64_t item;
        int error = whorl_channel_recv(&on->channel, &item);
        if (__builtin_expect(error != 0 || item != i, 0))
            return error != 0 ? error : -EIO;
    }
    return 0;
}

/* --- A generator --- */

static intptr_t yield_all(whorl_generator *self, void *arg)
{
    const line *on = arg;
    int error = 0;
    for (uint64_t i = 0; i < on->count && error == 0; i++)
        error = whorl_generator_yield(self, (intptr_t)i);
    return error;
}

static intptr_t take_yielded(line *on, whorl_generator_fn *fn)
{
    whorl_generator source;
    uint64_t taken = 0;
    int error = whorl_generator_begin(&source, fn, on);
    if (error != 0)
        return error;
    whorl_for_each(uint64_t, item, &source) if (__builtin_expect(item != taken++, 0)) return -EIO;
    intptr_t result = whorl_generator_end(&source);
    return result == 0 && taken != on->count ? -EIO : result;
}

/* --- The run --- */

static intptr_t pass(void *context, uint64_t count)
{
    job *in = context;
    in->line.count = count;
    if (in->way->take == NULL)
        return take_yielded(&in->line, in->way->give_to);
    whorl_task *giver = whorl_spawn(in->way->give, &in->line);
    if (giver == NULL)
        return -ENOMEM;
    intptr_t failed = in->way->take(&in->line);
    if (failed != 0)
        whorl_cancel(giver);
    intptr_t given = whorl_join(giver);
    return failed != 0 ? failed : given;
}

static intptr_t main_task(void *arg)
{
    job *in = arg;
    int error = in->way->open != NULL ? in->way->open(&in->line) : 0;
    return error != 0 ? error : hand_measure(in->given, in->out, pass, in);
}

static int run(const options *given, sample *out, const way *by)
{
    job in = {.given = given, .out = out, .way = by};
    cpu_pin(0);
    intptr_t result = whorl_run(main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_queue(const options *given, sample *out)
{
    return run(given, out, &(way){open_queue, put_all, get_all, NULL});
}

static int run_queue_of_one(const options *given, sample *out)
{
    return run(given, out, &(way){open_queue_of_one, put_all, get_all, NULL});
}

static int run_channel(const options *given, sample *out)
{
    return run(given, out, &(way){open_channel, send_all, receive_all, NULL});
}

static int run_rendezvous(const options *given, sample *out)
{
    return run(given, out, &(way){open_rendezvous, send_all, receive_all, NULL});
}

static int run_generator(const options *given, sample *out)
{
    return run(given, out, &(way){NULL, NULL, NULL, yield_all});
}

const workload sync_hand_workload = {
    .command = COMMAND_SYNC,
    .part = "hand",
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"an item", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"items/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_queue, NULL, NULL},
                 {"whorl-channel", run_channel, NULL, NULL},
                 {"threads", hand_run_threads, NULL, NULL},
                 {"whorl-one", run_queue_of_one, NULL, NULL},
                 {"whorl-rendezvous", run_rendezvous, NULL, NULL},
                 {"whorl-generator", run_generator, NULL, NULL},
                 {"threads-one", hand_run_threads_one, NULL, NULL}},
    .ratios = {{"whorl", "threads"},
               {"whorl-channel", "threads"},
               {"whorl-one", "threads-one"},
               {"whorl-rendezvous", "threads-one"},
               {"whorl-generator", "threads-one"}},
    .notes =
        {"whorl: a queue of 64 items; -channel: a channel of 64; threads: two threads, each on",
         "its processor, and a queue of 64 with a mutex and two conditions. -one: queues of 1;",
         "-rendezvous: a channel of none. Each item is put, got, and looked at."},
};
