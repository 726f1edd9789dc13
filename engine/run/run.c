/*
 * whorl_run: a loop for this thread, from its opening to its close, and what it changes of the
 * thread meanwhile. See run.h for a run that is left by a jump.
 *
 * SIGPIPE, SIGXFSZ: a write to a closed pipe or socket raises the one on the submitting thread, and
 * a write above the limit on a file's size the other, where the kernel does it there and then. Both
 * are blocked while the loop runs, and one that became pending meanwhile is taken away at the end,
 * so that the program never sees it. fork: in the child the forking thread has no loop, and its
 * former signal mask.
 */
#include <core/loop.h>
#include <errno.h>
#include <fiber/overflow.h>
#include <op/op.h>
#include <os/pool.h>
#include <os/signal.h>
#include <scope/group.h>
#include <pthread.h>
#include <run/run.h>
#include <run/sigint.h>
#include <signal.h>
#include <stdio.h>
#include <whorl/run.h>

#define ENTRIES_MAX 32768
#define COMPLETIONS_MAX 65536

static const struct loop_hooks hooks = {.complete = op_complete,
                                        .expect = op_expect,
                                        .abandon = op_abandon,
                                        .abandon_group = group_abandon,
                                        .listen = op_listen};

/* --- The signals of writes --- */

static const int write_signals[] = {SIGPIPE, SIGXFSZ};

#define WRITE_SIGNALS (sizeof write_signals / sizeof write_signals[0])

static sigset_t all_write_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < WRITE_SIGNALS; i++)
        sigaddset(&set, write_signals[i]);
    return set;
}

void run_block_writes(sigset_t *before)
{
    sigset_t set = all_write_signals();
    pthread_sigmask(SIG_BLOCK, &set, before);
}

/* Those that are not pending, to be taken away if they are at the run's end. */
static sigset_t not_pending(void)
{
    sigset_t set = all_write_signals();
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < WRITE_SIGNALS; i++)
        if (sigismember(&pending, write_signals[i]))
            sigdelset(&set, write_signals[i]);
    return set;
}

/* What else was blocked meanwhile and is pending is delivered then. */
static void writes_restore(const sigset_t *ours, const sigset_t *mask_before)
{
    while (sigtimedwait(ours, NULL, &(struct timespec){0}) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, mask_before, NULL);
}

/* --- fork --- */

static void in_child(void)
{
    overflow_after_fork();
    sigint_after_fork();
    if (!loop_here)
        return;
    pthread_sigmask(SIG_SETMASK, &loop_here->mask_before, NULL);
    if (loop_here->inbox)
        inbox_after_fork(loop_here->inbox);
    loop_here = NULL;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

/* --- Running --- */

static int config_check(const whorl_config *config)
{
    if (config->stack_size &&
        (config->stack_size < WHORL_STACK_MIN || config->stack_size > WHORL_STACK_MAX))
        return -EINVAL;
    if (config->defer_limit < 0 || config->limit < 0)
        return -EINVAL;
    if ((unsigned)config->clock > WHORL_CLOCK_VIRTUAL)
        return -EINVAL;
    if (config->threads > WHORL_THREADS_MAX || config->thread_idle < 0)
        return -EINVAL;
    if (config->workers > WHORL_THREADS_MAX || config->peer_workers > WHORL_THREADS_MAX)
        return -EINVAL;
    if (config->file_ops > WHORL_FILE_OPS_MAX)
        return -EINVAL;
    if ((unsigned)config->sigint > WHORL_SIGINT_LEAVE)
        return -EINVAL;
    if (config->entries > ENTRIES_MAX || config->completions > COMPLETIONS_MAX)
        return -EINVAL;
    return 0;
}

/* Makes the loop the thread's. A signal that is pending already is not ours to take away.
 * 0, or -ENOMEM. */
static int run_enter(struct loop *loop, const whorl_config *config)
{
    int error = overflow_watch_start(&loop->watch, loop_describe_overflow);
    if (error)
        return error;
    run_block_writes(&loop->mask_before);
    loop->signals_to_take = not_pending();
    sigint_watch_start(loop, config->sigint, &loop->mask_before);
    loop_here = loop;
    return 0;
}

void run_exit(struct loop *loop)
{
    loop_here = NULL;
    sigint_watch_end(loop);
    pool_end(loop);
    signals_end(loop);
    writes_restore(&loop->signals_to_take, &loop->mask_before);
    overflow_watch_end(&loop->watch);
}

intptr_t whorl_run_with(const whorl_config *config, whorl_fn *main, void *arg)
{
    static const whorl_config defaults;
    static pthread_once_t forks_watched = PTHREAD_ONCE_INIT;
    if (!config)
        config = &defaults;
    if (!main || config_check(config))
        return -EINVAL;
    if (loop_here)
        return -EBUSY;
    pthread_once(&forks_watched, watch_forks);

    struct loop *loop;
    int error = loop_open(&loop, config, &hooks);
    if (error)
        return error;
    intptr_t result = run_enter(loop, config);
    if (result == 0) {
        loop_run(loop, config->name, main, arg);
        run_exit(loop);
        result = loop->result;
    }
    loop_close(loop);
    return result;
}

intptr_t whorl_run(whorl_fn *main, void *arg)
{
    return whorl_run_with(NULL, main, arg);
}

const char *whorl_version(void)
{
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
    return TEXT(WHORL_VERSION_MAJOR) "." TEXT(WHORL_VERSION_MINOR) "." TEXT(WHORL_VERSION_PATCH);
}
