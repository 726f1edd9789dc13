/*
 * Cancelling a worker that would never end by itself, and what the worker may make of it: let the
 * cancel through, clean up first, or go on as if nothing had happened.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

static int pieces; /* that the worker has done */
static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* Who speaks, when, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    double seconds = (double)(whorl_now() - start) / 1e9;
    if (printf("%.1f s  %s: ", seconds, whorl_name(whorl_self())) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

/* One piece a second, until a wait says that the task is cancelled. To let a cancel through needs
 * no more than this: an error of a call is handed on, and -ECANCELED is one. */
static intptr_t work(void *arg)
{
    (void)arg;
    for (;;) {
        int slept = whorl_sleep(WHORL_SECONDS(1));
        if (slept < 0)
            return slept;
        say("piece %d is done", ++pieces);
    }
}

/* In a cancelled task every wait is refused, those of its cleanup too, except within a shield. */
static intptr_t work_and_clean_up(void *arg)
{
    intptr_t result = work(arg);
    whorl_shield shield;
    whorl_shield_begin(&shield, WHORL_SECONDS(2));
    say("cancelled, puts its tools away");
    if (whorl_sleep(WHORL_MS(500)) == 0)
        say("has put its tools away");
    return whorl_shield_end(&shield, result);
}

/* Once the cancel is taken back the task may wait again, and ends with a result of its own. */
static intptr_t work_and_finish(void *arg)
{
    intptr_t result = work(arg);
    if (whorl_uncancel() != 1)
        return result;
    say("cancelled, but has a piece to finish");
    int slept = whorl_sleep(WHORL_MS(500));
    if (slept < 0)
        return slept;
    say("piece %d is done", ++pieces);
    return pieces;
}

static int cancel_one(const char *how, whorl_fn *worker)
{
    const whorl_spawn_options options = {.name = "worker"};
    pieces = 0;
    start = whorl_now();
    say("starts a worker that %s", how);
    whorl_task *task = whorl_spawn_with(&options, worker, NULL);
    if (!task)
        return -ENOMEM;
    int slept = whorl_sleep(WHORL_MS(3500));
    if (slept < 0)
        return slept; /* whorl_run cancels the worker, and waits for it */
    say("cancels the worker");
    whorl_cancel(task);
    intptr_t result = whorl_join(task);
    if (result >= 0)
        say("the worker ended with %d pieces", (int)result);
    else
        say("the worker ended with \"%s\"", strerror((int)-result));
    return said;
}

static intptr_t cancel_three(void *arg)
{
    (void)arg;
    int result = cancel_one("lets the cancel through", work);
    if (result == 0)
        result = cancel_one("cleans up first", work_and_clean_up);
    if (result == 0)
        result = cancel_one("goes on", work_and_finish);
    return result;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "cancel_worker: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: cancel_worker [--virtual]\n"
    "Cancels three workers that take it differently. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("cancel_worker: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, cancel_three, NULL);
    return result < 0 ? fail(result) : 0;
}
