/*
 * The part `lock` of sync: a lock that nobody else wants is taken and given back, around a step of
 * a counter, which is looked at in the end. The counter is volatile, so that the step is done
 * inside; it costs all subjects the same.
 *
 * glibc leaves the atomic instructions of a mutex out in a process of one thread, where nobody
 * needs a mutex: so another thread lives beside.
 */
#include <errno.h>
#include <pthread.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "parked.h"
#include "sync.h"

enum { TRIAL = 100000 };

/* Takes the lock and gives it back `count` times. Returns how many steps were counted,
 * or -errno. */
typedef intptr_t repeat(intptr_t count);

typedef struct job {
    const options *given;
    sample *out;
    repeat *repeat;
} job;

static whorl_mutex mutex = WHORL_MUTEX_INIT;
static whorl_semaphore semaphore = WHORL_SEMAPHORE_INIT(1);
static pthread_mutex_t thread_mutex = PTHREAD_MUTEX_INITIALIZER;

static intptr_t repeat_mutex(intptr_t count)
{
    volatile intptr_t steps = 0;
    int error = 0;
    for (intptr_t i = 0; i < count && error == 0; i++) {
        error = whorl_mutex_lock(&mutex);
        steps++;
        error |= whorl_mutex_unlock(&mutex);
    }
    return error != 0 ? error : steps;
}

static intptr_t repeat_semaphore(intptr_t count)
{
    volatile intptr_t steps = 0;
    int error = 0;
    for (intptr_t i = 0; i < count && error == 0; i++) {
        error = whorl_semaphore_acquire(&semaphore);
        steps++;
        error |= whorl_semaphore_release(&semaphore);
    }
    return error != 0 ? error : steps;
}

static intptr_t repeat_pthread(intptr_t count)
{
    volatile intptr_t steps = 0;
    int error = 0;
    for (intptr_t i = 0; i < count && error == 0; i++) {
        error = pthread_mutex_lock(&thread_mutex);
        steps++;
        error |= pthread_mutex_unlock(&thread_mutex);
    }
    return error != 0 ? -error : steps;
}

/* A first trial, which also tells how many fill the time, is not counted. */
static intptr_t measure(void *arg)
{
    const job *in = arg;
    int64_t start = clock_now();
    intptr_t steps = in->repeat(TRIAL);
    if (steps != TRIAL)
        return steps < 0 ? steps : -EIO;
    uint64_t count = clock_scale(TRIAL, clock_now() - start, (int64_t)in->given->seconds);
    int64_t cpu = clock_cpu();
    start = clock_now();
    steps = in->repeat((intptr_t)count);
    sample_rate(in->out, count, clock_now() - start, clock_cpu() - cpu);
    if (steps != (intptr_t)count)
        return steps < 0 ? steps : -EIO;
    return 0;
}

static int run_in_task(job *in)
{
    cpu_pin(0);
    intptr_t result = whorl_run(measure, in);
    return result < 0 ? fail_call("the run of whorl", (long)result) : 0;
}

static int run_mutex(const options *given, sample *out)
{
    return run_in_task(&(job){given, out, repeat_mutex});
}

static int run_semaphore(const options *given, sample *out)
{
    return run_in_task(&(job){given, out, repeat_semaphore});
}

static int run_pthread(const options *given, sample *out)
{
    parked other;
    cpu_pin(0);
    if (parked_start(&other, 1) != 0)
        return -1;
    intptr_t result = measure(&(job){given, out, repeat_pthread});
    parked_end(&other);
    return result < 0 ? fail_call("the run of threads", (long)result) : 0;
}

const workload sync_lock_workload = {
    .command = COMMAND_SYNC,
    .part = "lock",
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"ns", FIGURE_NS_PER_OP}, {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"a pair", FIGURE_NS_PER_OP, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"pairs/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_mutex, NULL, NULL},
                 {"whorl-semaphore", run_semaphore, NULL, NULL},
                 {"pthread-mutex", run_pthread, NULL, NULL}},
    .ratios = {{"whorl", "pthread-mutex"}, {"whorl-semaphore", "pthread-mutex"}},
    .notes = {"whorl: whorl_mutex_lock and _unlock, by one task; whorl-semaphore: _acquire and",
              "_release; pthread-mutex: in a process of two threads, of which one sleeps."},
};
