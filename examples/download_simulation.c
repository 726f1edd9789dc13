/*
 * Five downloads at once, each of them a sleep: together they take as long as the longest.
 */
#include <whorl.h>

#include "story.h"

enum { FILES = 5 };

struct download {
    const char *name;
    int64_t time;
};

static struct download downloads[FILES] = {
    {"map.png", WHORL_MS(800)},    {"song.ogg", WHORL_MS(1200)}, {"film.mkv", WHORL_MS(2000)},
    {"letter.txt", WHORL_MS(300)}, {"book.pdf", WHORL_MS(900)},
};

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
    for (int i = 0; i < FILES; i++)
        calls[i] = (whorl_call){fetch, &downloads[i]};
    int error = whorl_gather_calls(calls, FILES, took, 0);
    if (error)
        return error;
    double total = story_seconds();
    for (int i = 0; i < FILES; i++)
        sum += (double)took[i] / 1e3;
    say("%d downloads took %.1f s; one after another it would have been %.1f s", FILES, total, sum);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "download_simulation",
        .about = "Five downloads at once, by sleeping. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = fetch_all,
    };
    return story_main(&story, argc, argv);
}
