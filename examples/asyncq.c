/*
 * Cooks put dishes on a counter, waiters carry them out. When the cooks have ended, and all dishes
 * are served, the waiters, who would wait for more, are sent home.
 */
#include <whorl.h>

#include "story.h"

enum { COOKS = 2, WAITERS = 3, ROUNDS = 3, DISHES = COOKS * ROUNDS };

static whorl_queue counter = WHORL_QUEUE_INIT_BOUNDED(2);

struct person {
    const char *name;
    int served;
};

static struct person cooks[COOKS] = {{"Anna", 0}, {"Bert", 0}};
static struct person waiters[WAITERS] = {{"Carl", 0}, {"Dora", 0}, {"Emil", 0}};

/* A dish, on the counter or on its way. */
struct dish {
    const char *cook;
    int number;
    int64_t ready;
};

static struct dish dishes[DISHES];
static int cooked;

/* A few tenths of a second: always the same ones, from a seed. A linear congruential generator, of
 * the constants in Knuth's MMIX. */
static int64_t random_time(void)
{
    static uint64_t state = 20;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return WHORL_MS(100 * (1 + (int64_t)(state >> 33) % 9));
}

static intptr_t cook(void *arg)
{
    const struct person *self = arg;
    for (int round = 0; round < ROUNDS; round++) {
        int error = whorl_sleep(random_time());
        if (error)
            return error;
        struct dish *dish = &dishes[cooked++];
        *dish = (struct dish){self->name, cooked, whorl_now()};
        error = whorl_queue_put(&counter, dish); /* waits while the counter is full */
        if (error)
            return error;
        say("%s puts dish %d on the counter", self->name, dish->number);
    }
    return 0;
}

/* Ends when it is cancelled. */
static intptr_t wait_at_table(void *arg)
{
    struct person *self = arg;
    void *item;
    int error = whorl_queue_get(&counter, &item);
    while (!error) {
        const struct dish *dish = item;
        double waited = (double)(whorl_now() - dish->ready) / 1e9;
        say("%s takes dish %d of %s, which was ready for %.1f s", self->name, dish->number,
            dish->cook, waited);
        error = whorl_sleep(3 * random_time());
        if (error)
            return error;
        self->served++;
        whorl_queue_task_done(&counter);
        error = whorl_queue_get(&counter, &item);
    }
    return error;
}

/* Until the cooks have ended, and all that they have cooked is served. */
static int serve(whorl_group *room)
{
    whorl_call calls[COOKS];
    for (int i = 0; i < WAITERS; i++) {
        int error = whorl_group_spawn(room, wait_at_table, &waiters[i]);
        if (error)
            return error;
    }
    for (int i = 0; i < COOKS; i++)
        calls[i] = (whorl_call){cook, &cooks[i]};
    int error = whorl_gather_calls(calls, COOKS, NULL, 0);
    if (error)
        return error;
    say("the cooks have ended");
    error = whorl_queue_join(&counter);
    if (!error)
        say("all dishes are served");
    return error;
}

static intptr_t open_kitchen(void *arg)
{
    (void)arg;
    whorl_group room;
    int error = whorl_group_init(&room);
    if (error)
        return error;
    error = serve(&room);
    whorl_group_cancel(&room);
    error = whorl_group_wait(&room, error);
    if (error)
        return error;
    for (int i = 0; i < WAITERS; i++)
        say("%s goes home, and has served %d", waiters[i].name, waiters[i].served);
    whorl_queue_destroy(&counter);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "asyncq",
        .about = "Cooks and waiters on both sides of a queue. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = open_kitchen,
    };
    return story_main(&story, argc, argv);
}
