/*
 * Five downloads at once, each of them a sleep: together they take as long as the longest.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { FILES = 5 };

struct download {
    const char *name;
    int64_t time;
};

static struct download downloads[FILES] = {
    {"map.png", WHORL_MS(800)},    {"song.ogg", WHORL_MS(1200)}, {"film.mkv", WHORL_MS(2000)},
    {"letter.txt", WHORL_MS(300)}, {"book.pdf", WHORL_MS(900)},
};

static int64_t start;
static int said; /* 0, or -errno of a line that could not be written */

/* When, and what; at once, however stdout is buffered. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (printf("%.1f s  ", (double)(whorl_now() - start) / 1e9) < 0 ||
        vprintf(format, values) < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        said = -errno;
    va_end(values);
}

/* Gives the milliseconds that it took. */
static intptr_t fetch(void *arg)
{
    const struct download *download = arg;
    int64_t begun = whorl_now();
    say("%-10s  starts", download->name);
    int slept = whorl_sleep(download->time);
    if (slept < 0)
        return slept;
    say("%-10s  is here", download->name);
    return (intptr_t)((whorl_now() - begun) / WHORL_MS(1));
}

static intptr_t fetch_all(void *arg)
{
    (void)arg;
    whorl_call calls[FILES];
    intptr_t took[FILES];
    double sum = 0;
    start = whorl_now();
    for (int i = 0; i < FILES; i++)
        calls[i] = (whorl_call){fetch, &downloads[i]};
    int error = whorl_gather_calls(calls, FILES, took, 0);
    if (error)
        return error;
    double total = (double)(whorl_now() - start) / 1e9;
    for (int i = 0; i < FILES; i++)
        sum += (double)took[i] / 1e3;
    say("%d downloads took %.1f s; one after another it would have been %.1f s", FILES, total, sum);
    return said;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "download_simulation: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: download_simulation [--virtual]\n"
    "Five downloads at once, by sleeping. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("download_simulation: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, fetch_all, NULL);
    return result < 0 ? fail(result) : 0;
}
