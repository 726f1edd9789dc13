/*
 * Nested scopes against a model: timeouts and shields begin, run out, move and end, and the task is
 * cancelled and let go on, all at random from the seed; after each step a wait must say what the
 * model says, and each end give what the model gives. And nesting a thousand deep.
 *
 * The model: something interrupts the task if it is outside of every shield that protects. A
 * timeout that has run out is inside the shields that were begun before it; the cancel is inside of
 * none.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SOON WHORL_MS(2)
#define FAR WHORL_SECONDS(1000)

enum { DEEPEST = 12, STEPS = 40000, DEPTH = 1000 };

/* --- The model --- */

struct scope {
    bool is_shield;
    bool over; /* has run out */
    whorl_timeout timeout;
    whorl_shield shield;
};

struct model {
    struct scope scopes[DEEPEST]; /* outermost first */
    int open;
    bool cancelled;
};

/* Whether a shield protects from what lies outside of the first `from` scopes. */
static bool protected_from(const struct model *model, int from)
{
    for (int i = from; i < model->open; i++)
        if (model->scopes[i].is_shield && !model->scopes[i].over)
            return true;
    return false;
}

static bool is_interrupted(const struct model *model)
{
    if (model->cancelled && !protected_from(model, 0))
        return true;
    for (int i = 0; i < model->open; i++)
        if (!model->scopes[i].is_shield && model->scopes[i].over && !protected_from(model, i + 1))
            return true;
    return false;
}

/* --- Steps --- */

static void begin_one(struct model *model, random_source *random)
{
    struct scope *scope = &model->scopes[model->open];
    scope->is_shield = random_below(random, 3) == 0;
    scope->over = random_below(random, 4) == 0;
    int64_t ns = scope->over ? -(int64_t)random_below(random, 2) : FAR;
    if (!scope->is_shield && !scope->over && random_below(random, 4) == 0)
        ns = WHORL_FOREVER;
    model->open++;
    if (scope->is_shield)
        check_equal(whorl_shield_begin(&scope->shield, ns), 0);
    else
        check_equal(whorl_timeout_begin(&scope->timeout, ns), 0);
}

static void end_one(struct model *model, random_source *random)
{
    static const intptr_t results[] = {-ECANCELED, -ECANCELED, 0, 7, -EIO, -ETIMEDOUT};
    struct scope *scope = &model->scopes[--model->open];
    intptr_t result = results[random_below(random, count_of(results))];
    intptr_t expected = result;
    if (scope->is_shield) {
        check_equal(whorl_shield_end(&scope->shield, result), expected);
        return;
    }
    if (result == -ECANCELED && scope->over && !is_interrupted(model))
        expected = -ETIMEDOUT;
    check_equal(whorl_timeout_end(&scope->timeout, result), expected);
}

/* Any of the open timeouts. */
static void move_one(struct model *model, random_source *random)
{
    struct scope *scope = &model->scopes[random_below(random, (uint64_t)model->open)];
    int64_t deadline = random_below(random, 3) == 0 ? 0 : whorl_now() + FAR;
    if (scope->is_shield)
        return;
    check_equal(whorl_timeout_reschedule(&scope->timeout, deadline), scope->over ? -ETIMEDOUT : 0);
    scope->over = scope->over || deadline == 0;
}

static void step(struct model *model, random_source *random)
{
    switch (random_below(random, 8)) {
    case 0:
        check_equal(whorl_cancel(whorl_self()), 0);
        model->cancelled = true;
        break;
    case 1:
        check_equal(whorl_uncancel(), model->cancelled);
        model->cancelled = false;
        break;
    case 2:
        if (model->open > 0)
            move_one(model, random);
        break;
    case 3:
    case 4:
    case 5:
        if (model->open < DEEPEST)
            begin_one(model, random);
        break;
    default:
        if (model->open > 0)
            end_one(model, random);
    }
}

static intptr_t walk(void *arg)
{
    struct model *model = calloc(1, sizeof *model);
    random_source random = random_from_seed(91);
    long interrupted = 0, steps = test_rounds(STEPS);
    (void)arg;
    for (long i = 0; i < steps && failed_checks() == 0; i++) {
        step(model, &random);
        bool expected = is_interrupted(model);
        check_equal(i % 2 ? whorl_yield() : whorl_sleep_until(1), expected ? -ECANCELED : 0);
        check_equal(whorl_cancelling(whorl_self()), model->cancelled);
        interrupted += expected;
    }
    printf("%ld of %ld waits were interrupted\n", interrupted, steps);
    while (model->open > 0)
        end_one(model, &random);
    free(model);
    whorl_uncancel();
    return whorl_yield();
}

static void nested_scopes_interrupt_as_the_model_says(void **state)
{
    (void)state;
    run_checks(walk, NULL);
}

/* --- A thousand deep --- */

static whorl_timeout deep[DEPTH];
static whorl_shield shields[DEPTH];

/* All but the one at `place` have time; it runs out while the task sleeps inside of all. */
static void run_out_at(int place)
{
    for (int i = 0; i < DEPTH; i++)
        check_equal(whorl_timeout_begin(&deep[i], FAR), 0);
    check_equal(whorl_yield(), 0);
    check_equal(whorl_timeout_reschedule(&deep[place], whorl_now() + SOON), 0);
    intptr_t result = whorl_sleep(FAR);
    check_equal(result, -ECANCELED);
    for (int i = DEPTH - 1; i >= 0; i--) {
        check_equal(whorl_yield(), i >= place ? -ECANCELED : 0);
        result = whorl_timeout_end(&deep[i], result);
        check_equal(result, i > place ? -ECANCELED : -ETIMEDOUT);
    }
    check_equal(whorl_yield(), 0);
}

static intptr_t nest_timeouts(void *arg)
{
    static const int places[] = {0, 1, DEPTH / 2, DEPTH - 1};
    (void)arg;
    for (size_t i = 0; i < count_of(places); i++)
        run_out_at(places[i]);
    /* All of them, at once. */
    int64_t deadline = whorl_now() + SOON;
    for (int i = 0; i < DEPTH; i++)
        check_equal(whorl_timeout_begin_at(&deep[i], deadline), 0);
    intptr_t result = whorl_sleep(FAR);
    check_equal(result, -ECANCELED);
    for (int i = DEPTH - 1; i >= 0; i--) {
        result = whorl_timeout_end(&deep[i], result);
        check_equal(result, i > 0 ? -ECANCELED : -ETIMEDOUT);
    }
    return 0;
}

static void timeouts_nest_a_thousand_deep(void **state)
{
    (void)state;
    run_checks(nest_timeouts, NULL);
}

static intptr_t nest_shields(void *arg)
{
    (void)arg;
    check_equal(whorl_cancel(whorl_self()), 0);
    for (int i = 0; i < DEPTH; i++) {
        check_equal(whorl_yield(), -ECANCELED);
        check_equal(whorl_shield_begin(&shields[i], FAR), 0);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_timeout_begin(&deep[i], 0), 0);
    }
    for (int i = DEPTH - 1; i >= 0; i--) {
        check_equal(whorl_timeout_end(&deep[i], whorl_yield()), -ETIMEDOUT);
        check_equal(whorl_yield(), 0);
        check_equal(whorl_shield_end(&shields[i], i), i);
    }
    check_equal(whorl_yield(), -ECANCELED);
    check_equal(whorl_uncancel(), 1);
    return whorl_yield();
}

static void shields_and_timeouts_nest_a_thousand_deep_in_turn(void **state)
{
    (void)state;
    run_checks(nest_shields, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(nested_scopes_interrupt_as_the_model_says),
        behaviour(timeouts_nest_a_thousand_deep),
        behaviour(shields_and_timeouts_nest_a_thousand_deep_in_turn),
    };
    return run_behaviours("scope model", tests);
}
