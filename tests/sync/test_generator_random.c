/*
 * Random owners and askers of generators, in virtual time, from a printed seed: with limits,
 * cancels and early ends at any point, each generator's values come once and in their order, and
 * its body has ended when its owner has.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OWNERS = 8, EACH = 3, ASKERS = 12, STEPS = 60 };

static const whorl_config virtual_time = {.clock = WHORL_CLOCK_VIRTUAL};

static struct slot {
    whorl_generator generator;
    bool begun;
    bool in_body;
    intptr_t yielded; /* the value of the last yield that began */
    intptr_t taken;   /* how many have come */
    uint64_t stream;
} slots[OWNERS][EACH];

static random_source source;
static int owners_left;

static struct {
    long taken, ended, failed, cancelled, busy, gone, bodies;
} counts;

static int64_t draw_pause(random_source *random)
{
    return WHORL_MS(random_below(random, 4));
}

/* Yields 0, 1, 2, ... with pauses; some fail, some end, the others go on until they are left. */
static intptr_t yield_on(whorl_generator *self, void *arg)
{
    struct slot *slot = arg;
    random_source random = random_from_seed(slot->stream);
    intptr_t result = 0;
    slot->in_body = true;
    counts.bodies++;
    while (result == 0) {
        result = random_below(&random, 2) ? whorl_sleep(draw_pause(&random)) : 0;
        if (result == 0 && random_below(&random, 100) == 0)
            break;
        if (result == 0 && random_below(&random, 100) == 0)
            result = -EIO;
        if (result == 0)
            result = whorl_generator_yield(self, ++slot->yielded - 1);
    }
    if (result == -ECANCELED && random_below(&random, 2)) {
        whorl_uncancel();
        whorl_sleep(draw_pause(&random));
        check_equal(whorl_generator_yield(self, -1), -ECANCELED);
    }
    slot->in_body = false;
    return result;
}

/* One call, within a limit or without. */
static int ask(random_source *random, struct slot *slot, bool owns)
{
    whorl_timeout scope;
    intptr_t value = -7;
    whorl_timeout_begin(&scope, random_below(random, 2) ? draw_pause(random) : WHORL_SECONDS(9));
    int got = (int)whorl_timeout_end(&scope, whorl_generator_next(&slot->generator, &value));
    if (got == 1) {
        check_equal(value, slot->taken);
        slot->taken++;
    } else {
        check_equal(value, -7);
        check(!owns || got != -EINVAL);
    }
    counts.taken += got == 1;
    counts.ended += got == 0;
    counts.failed += got == -EIO;
    counts.busy += got == -EBUSY;
    counts.gone += got == -EINVAL;
    counts.cancelled += got == -ECANCELED || got == -ETIMEDOUT;
    return got;
}

static struct slot *draw_slot(random_source *random)
{
    return &slots[random_below(random, OWNERS)][random_below(random, EACH)];
}

static intptr_t ask_on(void *arg)
{
    random_source random = random_from_seed((uint64_t)(uintptr_t)arg);
    while (owners_left > 0) {
        struct slot *slot = draw_slot(&random);
        if (slot->begun)
            ask(&random, slot, false);
        whorl_uncancel();
        whorl_sleep(draw_pause(&random) + 1);
    }
    return 0;
}

/* Ends some of its generators itself, and leaves others to its end. */
static intptr_t own(void *arg)
{
    struct slot *own_slots = arg;
    random_source random = random_from_seed(own_slots[0].stream + 1);
    int steps = (int)random_below(&random, STEPS);
    for (int i = 0; i < EACH; i++) {
        check_equal(whorl_generator_begin(&own_slots[i].generator, yield_on, &own_slots[i]), 0);
        own_slots[i].begun = true;
    }
    for (int i = 0; i < steps; i++) {
        struct slot *slot = &own_slots[random_below(&random, EACH)];
        int got = ask(&random, slot, true);
        if (got == -ECANCELED && random_below(&random, 2))
            return got;
        if (random_below(&random, 30) == 0) {
            whorl_generator_end(&slot->generator);
            check(!slot->in_body);
        }
        whorl_sleep(draw_pause(&random));
    }
    return 0;
}

static intptr_t own_and_tell(void *arg)
{
    whorl_task *task = whorl_spawn(own, arg);
    whorl_release(whorl_spawn(ask_on, (void *)(uintptr_t)random_next(&source)));
    while (!whorl_is_done(task)) {
        whorl_sleep(draw_pause(&source) + 1);
        if (random_below(&source, 20) == 0)
            whorl_cancel(task);
    }
    for (int i = 0; i < EACH; i++)
        check(!((struct slot *)arg)[i].in_body);
    owners_left--;
    whorl_join(task);
    return 0;
}

static intptr_t play(void *arg)
{
    whorl_task *tellers[OWNERS];
    whorl_task *askers[ASKERS];
    source = random_from_seed((uint64_t)(uintptr_t)arg);
    owners_left = OWNERS;
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < OWNERS; i++) {
        for (int j = 0; j < EACH; j++)
            slots[i][j].stream = random_next(&source);
        tellers[i] = whorl_spawn(own_and_tell, slots[i]);
    }
    for (int i = 0; i < ASKERS; i++)
        askers[i] = whorl_spawn(ask_on, (void *)(uintptr_t)random_next(&source));
    while (owners_left > 0) {
        whorl_sleep(WHORL_MS(1));
        whorl_cancel(askers[random_below(&source, ASKERS)]);
    }
    check_equal(whorl_gather(tellers, OWNERS, NULL, 0), 0);
    whorl_gather(askers, ASKERS, NULL, WHORL_COLLECT);
    return 0;
}

static void values_come_once_and_in_order_whoever_asks_and_leaves(void **state)
{
    long rounds = test_rounds(UNDER_SANITIZER ? 20 : 100);
    (void)state;
    memset(&counts, 0, sizeof counts);
    for (long i = 0; i < rounds; i++)
        run_checks_with(&virtual_time, play, (void *)i);
    printf("%ld rounds: %ld bodies, %ld values, %ld ends, %ld errors, %ld cut short, %ld busy, "
           "%ld gone\n",
           rounds, counts.bodies, counts.taken, counts.ended, counts.failed, counts.cancelled,
           counts.busy, counts.gone);
    assert_true(counts.taken > 0 && counts.cancelled > 0 && counts.busy > 0 && counts.gone > 0);
    assert_true(counts.failed > 0 && counts.ended > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(values_come_once_and_in_order_whoever_asks_and_leaves),
    };

    return run_behaviours("generator_random", tests);
}
