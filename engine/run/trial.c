/*
 * Trials: see trial.h.
 *
 * The limit is the run's, but where the run cannot see to it, because a task never waits: then a
 * thread does, which waits until twice the limit beside each run, and beside what is done about one
 * that was left.
 */
#include <core/clock.h>
#include <core/interrupt.h>
#include <core/loop.h>
#include <errno.h>
#include <pthread.h>
#include <run/descriptors.h>
#include <run/run.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <whorl/trial.h>

#define DEFAULT_LIMIT WHORL_SECONDS(10)

struct watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
    int64_t limit;
    const char *name;
};

/* The one for this thread's run, if there is one; it may have been left by a jump. */
static __thread struct watch *watching;

/* What a trial keeps. */
struct trial {
    struct descriptors *before;
    uintptr_t handles; /* bits: those of `signals` that the trial takes */
} __attribute__((may_alias));

_Static_assert(sizeof(struct trial) <= sizeof((whorl_trial *)0)->engine,
               "it fits its public struct");

static struct trial *insides(whorl_trial *trial)
{
    return (struct trial *)trial->engine;
}

__attribute__((format(printf, 2, 3))) static void complain(whorl_trial *trial, const char *format,
                                                           ...)
{
    size_t used = strlen(trial->complaint);
    va_list values;
    va_start(values, format);
    vsnprintf(trial->complaint + used, sizeof trial->complaint - used, format, values);
    va_end(values);
}

/* --- Time --- */

static int64_t limit_of(const whorl_trial *trial)
{
    return trial->limit ? trial->limit : DEFAULT_LIMIT;
}

/* "2.0 s", "50 ms" */
static const char *duration(int64_t ns, char text[32])
{
    if (ns >= WHORL_SECONDS(1))
        snprintf(text, 32, "%.1f s", (double)ns / 1e9);
    else
        snprintf(text, 32, "%.0f ms", (double)ns / 1e6);
    return text;
}

static struct timespec point_in_time(int64_t ns)
{
    return (struct timespec){ns / WHORL_SECONDS(1), ns % WHORL_SECONDS(1)};
}

static void *watch_over(void *arg)
{
    struct watch *watch = arg;
    char text[32];
    int64_t twice = deadline_after(watch->limit, watch->limit);
    struct timespec end = point_in_time(deadline_after(clock_read(), twice));
    pthread_mutex_lock(&watch->lock);
    int error = 0;
    while (!watch->over && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&watch->changed, &watch->lock, &end);
    if (!watch->over) {
        fprintf(stderr,
                "whorl: test %s did not end within %s, nor, cancelled, within as long again: the "
                "program is aborted.\n",
                watch->name, duration(watch->limit, text));
        abort();
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(struct watch *watch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&watch->thread, NULL, watch_over, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* Without memory for it, nobody watches. */
static struct watch *watch_make(const whorl_trial *trial)
{
    int64_t limit = limit_of(trial);
    struct watch *watch = limit == WHORL_FOREVER ? NULL : calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->limit = limit;
    watch->name = trial->name;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&watch->lock, NULL);
    if (start_thread(watch)) {
        free(watch);
        return NULL;
    }
    return watch;
}

static void watch_end(void)
{
    struct watch *watch = watching;
    watching = NULL;
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->over = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

static void watch_start(const whorl_trial *trial)
{
    watch_end();
    watching = watch_make(trial);
}

/* --- Runs --- */

struct body {
    struct onlooker onlooker; /* first: it is the body */
    whorl_trial *trial;
    whorl_fn *fn;
    void *arg;
    char *frame; /* on the thread's stack; those of the run lie below */
};

/* More than the frames between whorl_trial_run and the loop's switch to a task. */
#define FRAMES_BYTES ((size_t)32 << 10)

static const char *separator(const whorl_trial *trial)
{
    return trial->complaint[0] ? "; " : "";
}

static bool has_open_scope(const struct task *task)
{
    const struct scope *scope = task->scopes;
    while (scope && scope->kind == SCOPE_CLEANUP)
        scope = scope->outer;
    return scope != NULL;
}

static void note_ops(struct onlooker *self, struct loop *loop)
{
    whorl_trial *trial = ((struct body *)self)->trial;
    uint32_t ops = loop->main->in_flight;
    if (loop->overruled)
        return;
    if (ops > 0)
        complain(trial, "%shas left %u operation%s in flight", separator(trial), ops,
                 ops > 1 ? "s" : "");
    if (has_open_scope(loop->main))
        complain(trial, "%shas left a scope open", separator(trial));
}

/* A task that is as good as gone: its function will never be called, and nobody has its handle. */
static bool was_taken_back(const struct task *task)
{
    return !task->begun && task->cancelled && !task->runs_anyway && task->handle_taken;
}

static void note_tasks(struct onlooker *self, struct loop *loop)
{
    whorl_trial *trial = ((struct body *)self)->trial;
    if (loop->overruled)
        return;
    size_t count = 0;
    for (struct task *task = loop->live; task; task = task->live_next) {
        if (was_taken_back(task))
            continue;
        if (count++ == 0)
            complain(trial, "%shas left tasks behind:", separator(trial));
        complain(trial, "%s%s", count == 1 ? " " : ", ", task_name(task));
    }
}

/* The function may leave ops in flight in its dead frames: nothing is called after it. */
__attribute__((no_sanitize("thread", "address"))) static intptr_t run_body(void *arg)
{
    struct body *body = arg;
    /* A jump may take those frames away without a return, and where it lands print at once. */
    annotate_memory(body->frame - FRAMES_BYTES, FRAMES_BYTES);
    loop_here->onlooker = &body->onlooker;
    body->fn(body->arg);
    return 0;
}

/* Puts a run's failure into words. Returns whether there was one. */
static int judge(whorl_trial *trial, intptr_t result)
{
    char text[32];
    if (result == -ETIMEDOUT)
        complain(trial, "did not end within %s", duration(limit_of(trial), text));
    else if (result == -EDEADLK)
        complain(trial, "came to a deadlock");
    else if (result < 0)
        complain(trial, "could not run: %s", strerror((int)-result));
    return trial->complaint[0] != '\0';
}

int whorl_trial_run(whorl_trial *trial, whorl_fn *fn, void *arg)
{
    struct body body = {
        .onlooker = {.returned = note_ops, .ended = note_tasks},
        .trial = trial,
        .fn = fn,
        .arg = arg,
        .frame = __builtin_frame_address(0),
    };
    whorl_config config = trial->config;
    int64_t limit = limit_of(trial);
    config.name = trial->name;
    config.limit = limit == WHORL_FOREVER ? 0 : limit;
    trial->complaint[0] = '\0';
    watch_start(trial);
    intptr_t result = whorl_run_with(&config, run_body, &body);
    watch_end();
    return judge(trial, result);
}

int whorl_trial_left(whorl_trial *trial)
{
    run_land();
    trial->complaint[0] = '\0';
    watch_start(trial);
    intptr_t result = whorl_run_abandon();
    watch_end();
    return result == -ETIMEDOUT || result == -EDEADLK ? judge(trial, result) : 0;
}

/* --- From begin to end --- */

/* What a write may have raised, and a jump out of its run sets free. */
static const int signals[] = {SIGPIPE, SIGXFSZ};

#define SIGNALS (sizeof signals / sizeof signals[0])

/* A handler, not SIG_IGN: a program that is started meanwhile inherits that. */
static void take_signal(int number)
{
    (void)number;
}

void whorl_trial_begin(whorl_trial *trial)
{
    struct trial *own = insides(trial);
    *own = (struct trial){.before = descriptors_list()};
    trial->complaint[0] = '\0';
    struct sigaction taken = {.sa_handler = take_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        sigaction(signals[i], NULL, &now);
        if ((now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL)
            continue;
        sigaction(signals[i], &taken, NULL);
        own->handles |= (uintptr_t)1 << i;
    }
}

int whorl_trial_end(whorl_trial *trial)
{
    struct trial *own = insides(trial);
    trial->complaint[0] = '\0';
    for (size_t i = 0; i < SIGNALS; i++)
        if (own->handles >> i & 1)
            signal(signals[i], SIG_DFL);
    char names[sizeof trial->complaint - 64];
    if (descriptors_new(own->before, names, sizeof names) > 0)
        complain(trial, "has left descriptors open: %s", names);
    free(own->before);
    *own = (struct trial){0};
    return trial->complaint[0] != '\0';
}
