/*
 * Random tasks that send, receive, select, close, set and cancel, in virtual time, from a printed
 * seed; each call gives what a plain model says, element by element. So nothing is lost or doubled
 * or out of order, whatever comes first.
 */
#include "channel_model.h"

#include <stdio.h>

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static whorl_channel channels[CHANNELS];
static whorl_future futures[FUTURES];

static struct actor {
    whorl_task *task;
    random_source random;
    uint32_t sent;
    bool cancelled;
    bool done;
} actors[TASKS];

static int playing; /* actors that are not done */
static long steps;  /* for each of them */

static struct {
    long sent, received, refused, waited, cancelled, timed_out, closed, selects;
} counts;

static int index_of(const struct actor *actor)
{
    return (int)(actor - actors);
}

static struct element next_element(struct actor *actor)
{
    uint32_t number = ++actor->sent;
    return (struct element){(uint32_t)index_of(actor), number, number * 2654435761U};
}

static bool is_same(struct element one, struct element other)
{
    return one.sender == other.sender && one.number == other.number && one.more == other.more;
}

static void count(const struct wish *wish)
{
    counts.cancelled += wish->chosen == -ECANCELED;
    counts.timed_out += wish->chosen == -ETIMEDOUT;
    if (wish->chosen < 0)
        return;
    counts.refused += wish->result == -EPIPE;
    counts.sent += wish->cases[wish->chosen].kind == WHORL_CASE_SEND && wish->result == 0;
    counts.received += wish->cases[wish->chosen].kind == WHORL_CASE_RECV && wish->result == 0;
}

/* --- Wishes, as calls --- */

static struct case_model draw_case(struct actor *actor)
{
    struct case_model drawn = {.kind = WHORL_CASE_OFF};
    uint64_t chance = random_below(&actor->random, 20);
    drawn.object = (int)random_below(&actor->random, CHANNELS);
    if (chance < 8) {
        drawn.kind = WHORL_CASE_RECV;
    } else if (chance < 16) {
        drawn.kind = WHORL_CASE_SEND;
        drawn.element = next_element(actor);
    } else if (chance < 18) {
        drawn.kind = WHORL_CASE_FUTURE;
        drawn.object = (int)random_below(&actor->random, FUTURES);
    }
    return drawn;
}

/* Calls what the wish is; the case that happens is to be found in *result and in `got`. */
static ssize_t call(struct wish *wish, bool plain, int64_t ns, intptr_t *result,
                    struct element *got)
{
    whorl_case cases[CASES];
    struct case_model *first = &wish->cases[0];
    if (plain) {
        *result = first->kind == WHORL_CASE_RECV ? whorl_channel_recv(&channels[first->object], got)
                  : first->kind == WHORL_CASE_SEND
                      ? whorl_channel_send(&channels[first->object], &first->element)
                      : whorl_future_wait(&futures[first->object]);
        return *result == -ECANCELED ? *result : 0;
    }
    for (int i = 0; i < wish->count; i++) {
        struct case_model *from = &wish->cases[i];
        cases[i] = from->kind == WHORL_CASE_RECV ? whorl_case_recv(&channels[from->object], got)
                   : from->kind == WHORL_CASE_SEND
                       ? whorl_case_send(&channels[from->object], &from->element)
                   : from->kind == WHORL_CASE_FUTURE ? whorl_case_future(&futures[from->object])
                                                     : whorl_case_task(NULL);
    }
    ssize_t chosen = whorl_select(cases, (size_t)wish->count, ns);
    *result = chosen >= 0 ? cases[chosen].result : 0;
    return chosen;
}

/* Has the model decide what it can before the call; of several cases the engine chooses. */
static bool foresee(struct actor *actor, struct wish *wish, int64_t ns)
{
    if (actor->cancelled) {
        decide(wish, -ECANCELED, 0);
        return true;
    }
    for (int i = 0; i < wish->count; i++)
        if (can_happen(&wish->cases[i]))
            return false;
    if (ns <= 0) {
        decide(wish, -ETIMEDOUT, 0);
        return true;
    }
    counts.waited++;
    model_wait(wish, ns == WHORL_FOREVER ? WHORL_FOREVER : whorl_now() + ns);
    return true;
}

static void make_wish(struct actor *actor)
{
    static const int64_t limits[] = {0, WHORL_MS(1), WHORL_MS(3), WHORL_FOREVER};
    struct wish *wish = &wishes[index_of(actor)];
    bool plain = random_below(&actor->random, 2) == 0;
    int64_t ns = plain ? WHORL_FOREVER : limits[random_below(&actor->random, 4)];
    struct element got = {0};
    intptr_t result = 0;
    memset(wish, 0, sizeof *wish);
    wish->count = plain ? 1 : 1 + (int)random_below(&actor->random, CASES);
    for (int i = 0; i < wish->count; i++)
        do
            wish->cases[i] = draw_case(actor);
        while (plain && wish->cases[i].kind == WHORL_CASE_OFF);
    counts.selects += !plain;
    bool foreseen = foresee(actor, wish, ns);
    ssize_t chosen = call(wish, plain, ns, &result, &got);
    model_expire();
    if (!foreseen && check(chosen >= 0 && can_happen(&wish->cases[chosen])))
        model_happen(wish, (int)chosen);
    check(!wish->waits);
    check_equal(chosen, wish->chosen);
    check_equal(result == -ECANCELED ? 0 : result, wish->result);
    check(is_same(got, wish->got));
    count(wish);
    if (chosen == -ECANCELED) {
        check_equal(whorl_uncancel(), 1);
        actor->cancelled = false;
    }
}

/* --- Everything else that an actor may do --- */

static void try_one(struct actor *actor)
{
    int object = (int)random_below(&actor->random, CHANNELS);
    struct element element = next_element(actor);
    struct element got = {0};
    struct element expected = {0};
    if (random_below(&actor->random, 2)) {
        int sent = whorl_channel_try_send(&channels[object], &element);
        check_equal(sent, model_send(object, element));
        counts.sent += sent == 0;
    } else {
        int received = whorl_channel_try_recv(&channels[object], &got);
        check_equal(received, model_recv(object, &expected));
        check(is_same(got, expected));
        counts.received += received == 0;
    }
    check_equal(whorl_channel_size(&channels[object]), channel_models[object].count);
}

static void close_or_renew(struct actor *actor)
{
    int object = (int)random_below(&actor->random, CHANNELS);
    if (random_below(&actor->random, 4) == 0) {
        check_equal(whorl_channel_close(&channels[object]), model_close(object));
        counts.closed++;
    }
    if (whorl_channel_is_closed(&channels[object]) && channel_models[object].count == 0) {
        int capacity = (int)random_below(&actor->random, ROOM + 1);
        check_equal(whorl_channel_destroy(&channels[object]), 0);
        check_equal(whorl_channel_init(&channels[object], sizeof(struct element), (size_t)capacity),
                    0);
        channel_models[object] = (struct channel_model){.capacity = capacity};
    }
}

static void set_or_renew(struct actor *actor)
{
    int object = (int)random_below(&actor->random, FUTURES);
    intptr_t result = (intptr_t)random_below(&actor->random, 1000) - 50;
    if (whorl_future_is_done(&futures[object])) {
        check_equal(whorl_future_destroy(&futures[object]), 0);
        check_equal(whorl_future_init(&futures[object]), 0);
        future_models[object] = (struct future_model){0};
    } else {
        check_equal(whorl_future_set(&futures[object], result), 0);
        check_equal(model_set(object, result), 0);
    }
}

static void cancel_one(random_source *random)
{
    int target = (int)random_below(random, TASKS);
    if (actors[target].done)
        return;
    check_equal(whorl_cancel(actors[target].task), 0);
    actors[target].cancelled = true;
    model_cancel(target);
}

static intptr_t play(void *arg)
{
    struct actor *actor = arg;
    whorl_yield(); /* all begin before anybody can be cancelled */
    for (long i = 0; i < steps; i++) {
        model_expire();
        uint64_t chance = random_below(&actor->random, 64);
        if (chance < 40)
            make_wish(actor);
        else if (chance < 54)
            try_one(actor);
        else if (chance < 56)
            close_or_renew(actor);
        else if (chance < 58)
            set_or_renew(actor);
        else if (chance < 60)
            cancel_one(&actor->random);
        else if (chance < 62)
            whorl_sleep(WHORL_MS(random_below(&actor->random, 4)));
        else
            whorl_yield();
    }
    actor->done = true;
    playing--;
    return 0;
}

/* Nobody waits for ever: now and then somebody is cancelled. */
static intptr_t play_together(void *arg)
{
    random_source random = random_from_seed((uint64_t)(intptr_t)arg);
    playing = TASKS;
    memset(wishes, 0, sizeof wishes);
    memset(actors, 0, sizeof actors);
    memset(future_models, 0, sizeof future_models);
    memset(futures, 0, sizeof futures);
    for (int i = 0; i < CHANNELS; i++) {
        check_equal(whorl_channel_init(&channels[i], sizeof(struct element), (size_t)i), 0);
        channel_models[i] = (struct channel_model){.capacity = i};
    }
    for (int i = 0; i < TASKS; i++) {
        actors[i].random = random_from_seed(random_next(&random));
        actors[i].task = whorl_spawn(play, &actors[i]);
    }
    while (playing > 0) {
        check_equal(whorl_sleep(WHORL_MS(1)), 0);
        model_expire();
        cancel_one(&random);
    }
    for (int i = 0; i < TASKS; i++)
        check_equal(whorl_join(actors[i].task), 0);
    for (int i = 0; i < CHANNELS; i++) {
        struct element got = {0};
        struct element expected = {0};
        for (int left = channel_models[i].count; left > 0; left--) {
            check_equal(whorl_channel_try_recv(&channels[i], &got), 0);
            check_equal(model_recv(i, &expected), 0);
            check(is_same(got, expected));
        }
        check_equal(whorl_channel_size(&channels[i]), 0);
        check_equal(whorl_channel_destroy(&channels[i]), 0);
    }
    return 0;
}

static void whatever_tasks_do_each_call_gives_what_the_model_says(void **state)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 10 : 40);
    (void)state;
    steps = 500;
    memset(&counts, 0, sizeof counts);
    for (long i = 0; i < rounds; i++)
        run_checks_with(&virtual_time, play_together, (void *)i);
    printf("%ld rounds of %d tasks: %ld sent, %ld received, %ld refused, %ld selects, %ld waited, "
           "%ld cancelled, %ld timed out, %ld closed\n",
           rounds, (int)TASKS, counts.sent, counts.received, counts.refused, counts.selects,
           counts.waited, counts.cancelled, counts.timed_out, counts.closed);
    assert_true(counts.sent >= counts.received);
    assert_true(counts.waited > 0 && counts.cancelled > 0 && counts.timed_out > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(whatever_tasks_do_each_call_gives_what_the_model_says),
    };

    return run_behaviours("channel_model", tests);
}
