/*
 * Stations that report through channels, each at its own pace, and one who listens to all of them
 * by a select: to a station that closes no longer, and to none after closing time.
 */
#include <errno.h>
#include <whorl.h>

#include "story.h"

enum { STATIONS = 3 };

struct station {
    const char *name;
    int64_t pace; /* the time from one report to the next */
    int reports;
    whorl_channel channel;
};

static struct station stations[STATIONS] = {
    {"north", WHORL_MS(300), 3, WHORL_CHANNEL_INIT_RENDEZVOUS(int)},
    {"south", WHORL_MS(700), 2, WHORL_CHANNEL_INIT_RENDEZVOUS(int)},
    {"west", WHORL_MS(1100), 100, WHORL_CHANNEL_INIT_RENDEZVOUS(int)},
};

static intptr_t report(void *arg)
{
    struct station *station = arg;
    int error = 0;
    for (int i = 1; i <= station->reports && error == 0; i++) {
        error = whorl_sleep(station->pace);
        if (error == 0)
            error = whorl_channel_send(&station->channel, &i);
    }
    whorl_channel_close(&station->channel);
    return error;
}

static intptr_t close_at_four(void *arg)
{
    (void)arg;
    return whorl_sleep(WHORL_SECONDS(4));
}

/* Listens until `closing` has ended. */
static int listen_to_all(whorl_task *closing)
{
    int number;
    whorl_case cases[STATIONS + 1];
    for (int i = 0; i < STATIONS; i++)
        cases[i] = whorl_case_recv(&stations[i].channel, &number);
    cases[STATIONS] = whorl_case_task(closing);
    for (;;) {
        ssize_t chosen = whorl_select(cases, STATIONS + 1, WHORL_MS(600));
        if (chosen == -ETIMEDOUT) {
            say("nothing is to be heard");
        } else if (chosen < 0) {
            return (int)chosen;
        } else if (chosen == STATIONS) {
            say("it is closing time");
            return (int)cases[chosen].result;
        } else if (cases[chosen].result == 0) {
            say("%s sends report %d", stations[chosen].name, number);
        } else {
            say("%s has closed", stations[chosen].name);
            cases[chosen].kind = WHORL_CASE_OFF;
        }
    }
}

/* The stations that have not closed are sent home. */
static intptr_t listen_for_a_day(void *arg)
{
    whorl_group group;
    whorl_task *closing = NULL;
    (void)arg;
    int error = whorl_group_init(&group);
    if (error)
        return error;
    for (int i = 0; i < STATIONS && error == 0; i++)
        error = whorl_group_spawn(&group, report, &stations[i]);
    if (error == 0)
        error = whorl_group_spawn_with(&group, NULL, close_at_four, NULL, &closing);
    if (error == 0)
        error = listen_to_all(closing);
    if (closing)
        whorl_release(closing);
    whorl_group_cancel(&group);
    error = whorl_group_wait(&group, error);
    return error;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "fan_in",
        .about = "Listens to stations until closing time. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = listen_for_a_day,
    };
    return story_main(&story, argc, argv);
}
