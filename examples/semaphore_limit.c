/*
 * Thirty jobs of which at most ten work at the same time: each takes a permit of a semaphore
 * first, and gives it back when it is done. Who comes first is served first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { JOBS = 30, AT_ONCE = 10 };

static whorl_semaphore permits = WHORL_SEMAPHORE_INIT(AT_ONCE);

/* No lock: tasks of one loop run one at a time, and change hands only where they wait. */
static int working;
static int most;
static int done;

static intptr_t work(int64_t duration)
{
    working++;
    most = working > most ? working : most;
    int slept = whorl_sleep(duration);
    working--;
    return slept;
}

/* Jobs take from one to three seconds, by their numbers. */
static intptr_t do_job(void *arg)
{
    intptr_t number = (intptr_t)arg;
    intptr_t result = whorl_semaphore_acquire(&permits);
    if (result < 0)
        return result;
    result = work(WHORL_SECONDS(1 + number % 3));
    whorl_semaphore_release(&permits);
    done += result == 0;
    return result;
}

static intptr_t do_jobs(void *arg)
{
    (void)arg;
    whorl_group group;
    int result = 0;
    int64_t start = whorl_now();
    whorl_group_init(&group);
    for (intptr_t i = 0; i < JOBS && result == 0; i++)
        result = whorl_group_spawn(&group, do_job, (void *)i);
    result = whorl_group_wait(&group, result);
    if (result < 0)
        return result;
    double seconds = (double)(whorl_now() - start) / 1e9;
    if (printf("%d jobs are done, after %.1f s\n", done, seconds) < 0 ||
        printf("at most %d worked at once\n", most) < 0 || fflush(stdout) != 0)
        return -errno;
    return 0;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "semaphore_limit: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: semaphore_limit [--virtual]\n"
    "Does thirty jobs, ten at once. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("semaphore_limit: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, do_jobs, NULL);
    return result < 0 ? fail(result) : 0;
}
