/*
 * A scheduler of jobs: some run once, at their time; some again and again, until they are taken
 * back. Each is a call at a later time; a periodic one asks for its next before it does its work, so
 * that its times do not drift however long that takes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

struct job {
    const char *name;
    int64_t first;  /* after the start */
    int64_t period; /* 0: it runs once */
    int64_t work;   /* how long it takes */
    int64_t due;    /* the point in time of its next run */
    whorl_task *next;
};

static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* When, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (printf("%.2f s  ", (double)(whorl_now() - start) / 1e9) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

static intptr_t run_job(void *arg);

static int plan(struct job *job, int64_t due)
{
    job->due = due;
    job->next = whorl_call_at(due, run_job, job);
    return job->next ? 0 : -ENOMEM;
}

static intptr_t run_job(void *arg)
{
    struct job *job = arg;
    int error = 0;
    whorl_release(job->next); /* this very call: nobody waits for it */
    job->next = NULL;
    if (job->period > 0)
        error = plan(job, job->due + job->period);
    say("%s", job->name);
    return error ? error : whorl_sleep(job->work);
}

static struct job jobs[] = {
    {.name = "rotate the logs", .first = WHORL_MS(1250), .work = WHORL_MS(100)},
    {.name = "beat", .first = WHORL_MS(500), .period = WHORL_MS(500), .work = WHORL_MS(10)},
    {.name = "report", .first = WHORL_MS(1000), .period = WHORL_MS(1000), .work = WHORL_MS(300)},
    {.name = "remind of the tea", .first = WHORL_MS(2000)},
    {.name = "close the shop", .first = WHORL_MS(9000)},
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

static intptr_t schedule(void *arg)
{
    (void)arg;
    start = whorl_now();
    for (int i = 0; i < JOBS; i++) {
        int error = plan(&jobs[i], start + jobs[i].first);
        if (error)
            return error; /* whorl_run takes back what was planned */
    }
    say("%d jobs are planned", JOBS);
    int slept = whorl_sleep(WHORL_MS(3200));
    if (slept < 0)
        return slept;
    for (int i = 0; i < JOBS; i++)
        if (jobs[i].next && whorl_call_cancel(jobs[i].next) == 0)
            say("taken back: %s, due at %.2f s", jobs[i].name, (double)(jobs[i].due - start) / 1e9);
    return said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "scheduler: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: scheduler [--virtual]\n"
    "Runs jobs at their times, some once, some again and again. With --virtual time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("scheduler: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, schedule, NULL);
    return result < 0 ? fail(result) : 0;
}
