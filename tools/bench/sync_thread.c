/*
 * The part `thread` of sync: a function is called on another thread, one call after the other, and
 * its result comes back. By whorl_to_thread; and by hand: two threads, a mutex, and a condition for
 * each of them.
 *
 * Where the two threads run counts for more than anything else, so each pair of subjects has it the
 * same: as the scheduler likes; apart, each on a processor of its own; both on one.
 */
#include <errno.h>
#include <pthread.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "sync.h"

enum { TRIAL = 2000 };

typedef enum placement { PLACED_FREELY, PLACED_APART, PLACED_TOGETHER } placement;

/* A result that shows which call it is of. */
static intptr_t work(void *arg)
{
    return (intptr_t)arg + 1;
}

static intptr_t move_away(void *arg)
{
    cpu_pin(*(const placement *)arg == PLACED_APART ? 1 : 0);
    return 0;
}

/* Calls `count` times; 0, or an error. */
typedef intptr_t repeat(void *context, uint64_t count);

static intptr_t measure(const options *given, sample *out, repeat *calls, void *context)
{
    int64_t start = clock_now();
    intptr_t failed = calls(context, TRIAL);
    if (failed != 0)
        return failed;
    uint64_t count = clock_scale(TRIAL, clock_now() - start, (int64_t)given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    failed = calls(context, count);
    sample_rate(out, count, clock_now() - start, clock_cpu() - cpu);
    return failed;
}

/* --- whorl --- */

typedef struct job {
    const options *given;
    sample *out;
    placement placement;
} job;

static intptr_t call_threads(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        intptr_t wanted = (intptr_t)(i & 0xFFFF) + 1;
        intptr_t result = whorl_to_thread(work, (void *)(wanted - 1));
        if (__builtin_expect(result != wanted, 0))
            return result < 0 ? result : -EIO;
    }
    return 0;
}

static intptr_t main_task(void *arg)
{
    job *in = arg;
    intptr_t failed = 0;
    if (in->placement != PLACED_FREELY)
        failed = whorl_to_thread(move_away, &in->placement);
    return failed != 0 ? failed : measure(in->given, in->out, call_threads, NULL);
}

static int run_whorl(const options *given, sample *out, placement where)
{
    whorl_config config = {.threads = 1};
    job in = {given, out, where};
    if (where != PLACED_FREELY)
        cpu_pin(0);
    intptr_t result = whorl_run_with(&config, main_task, &in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_freely(const options *given, sample *out)
{
    return run_whorl(given, out, PLACED_FREELY);
}

static int run_apart(const options *given, sample *out)
{
    return run_whorl(given, out, PLACED_APART);
}

static int run_together(const options *given, sample *out)
{
    return run_whorl(given, out, PLACED_TOGETHER);
}

/* --- By hand --- */

typedef struct exchange {
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    pthread_cond_t answered;
    whorl_fn *fn; /* NULL: nothing is asked */
    void *arg;
    intptr_t result;
    bool has_result;
    bool is_over;
    placement placement;
} exchange;

static void *serve(void *arg)
{
    exchange *in = arg;
    if (in->placement != PLACED_FREELY)
        move_away(&in->placement);
    pthread_mutex_lock(&in->mutex);
    for (;;) {
        while (in->fn == NULL && !in->is_over)
            pthread_cond_wait(&in->asked, &in->mutex);
        if (in->fn == NULL)
            break;
        whorl_fn *fn = in->fn;
        in->fn = NULL;
        pthread_mutex_unlock(&in->mutex);
        intptr_t result = fn(in->arg);
        pthread_mutex_lock(&in->mutex);
        in->result = result;
        in->has_result = true;
        pthread_mutex_unlock(&in->mutex);
        pthread_cond_signal(&in->answered);
        pthread_mutex_lock(&in->mutex);
    }
    pthread_mutex_unlock(&in->mutex);
    return NULL;
}

static intptr_t call_by_hand(exchange *in, whorl_fn *fn, void *arg)
{
    pthread_mutex_lock(&in->mutex);
    in->fn = fn;
    in->arg = arg;
    pthread_mutex_unlock(&in->mutex);
    pthread_cond_signal(&in->asked);
    pthread_mutex_lock(&in->mutex);
    while (!in->has_result)
        pthread_cond_wait(&in->answered, &in->mutex);
    in->has_result = false;
    intptr_t result = in->result;
    pthread_mutex_unlock(&in->mutex);
    return result;
}

static intptr_t repeat_by_hand(void *context, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        intptr_t wanted = (intptr_t)(i & 0xFFFF) + 1;
        if (__builtin_expect(call_by_hand(context, work, (void *)(wanted - 1)) != wanted, 0))
            return -EIO;
    }
    return 0;
}

static int run_by_hand(const options *given, sample *out, placement where)
{
    exchange in = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                   .asked = PTHREAD_COND_INITIALIZER,
                   .answered = PTHREAD_COND_INITIALIZER,
                   .placement = where};
    pthread_t server;
    if (where != PLACED_FREELY)
        cpu_pin(0);
    int error = pthread_create(&server, NULL, serve, &in);
    if (error != 0)
        return fail_call("starting a thread", error);
    intptr_t result = measure(given, out, repeat_by_hand, &in);
    pthread_mutex_lock(&in.mutex);
    in.is_over = true;
    pthread_mutex_unlock(&in.mutex);
    pthread_cond_signal(&in.asked);
    pthread_join(server, NULL);
    return result < 0 ? fail_call("the run of threads", (long)result) : 0;
}

static int run_threads_freely(const options *given, sample *out)
{
    return run_by_hand(given, out, PLACED_FREELY);
}

static int run_threads_apart(const options *given, sample *out)
{
    return run_by_hand(given, out, PLACED_APART);
}

static int run_threads_together(const options *given, sample *out)
{
    return run_by_hand(given, out, PLACED_TOGETHER);
}

const workload sync_thread_workload = {
    .command = COMMAND_SYNC,
    .part = "thread",
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"a call", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"calls/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_freely, NULL, NULL},
                 {"threads", run_threads_freely, NULL, NULL},
                 {"whorl-apart", run_apart, NULL, NULL},
                 {"threads-apart", run_threads_apart, NULL, NULL},
                 {"whorl-together", run_together, NULL, NULL},
                 {"threads-together", run_threads_together, NULL, NULL}},
    .ratios = {{"whorl", "threads"},
               {"whorl-apart", "threads-apart"},
               {"whorl-together", "threads-together"}},
    .notes = {"whorl: whorl_to_thread, there and back; threads: by hand, with a mutex and two",
              "conditions. Neither is pinned; -apart: the loop and the thread each to a processor",
              "of its own; -together: both to one. Where they are not pinned, where the scheduler "
              "has put",
              "them in a round counts for more than who called: compare the pinned ones."},
};
