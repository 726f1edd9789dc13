/*
 * The timers' heap, against a model: a plain array that is searched from end to end. And what the
 * heap's header promises: order among equals, disarming anywhere, arming while it expires.
 */
#include "support.h"

#include <core/timers.h>
#include <stdlib.h>
#include <string.h>

enum { TIMERS = 1500, STEPS = 100000, DEPTH = 200000 };

struct entry {
    struct timer timer; /* first: fire gets its address */
    int64_t deadline;
    uint64_t armed_at; /* counts armings; 0: not armed */
};

static struct timers timers;
static struct entry entries[TIMERS];
static uint64_t armings;
static struct entry *fired[TIMERS];
static size_t fired_count;

static void note_fired(struct timer *timer)
{
    assert_true(fired_count < TIMERS);
    fired[fired_count++] = (struct entry *)timer;
}

static void start_anew(void)
{
    memset(&timers, 0, sizeof timers);
    memset(entries, 0, sizeof entries);
    for (size_t i = 0; i < TIMERS; i++)
        entries[i].timer.fire = note_fired;
    armings = 0;
    fired_count = 0;
}

static void arm(struct entry *entry, int64_t deadline)
{
    entry->deadline = deadline;
    entry->armed_at = ++armings;
    timer_arm(&timers, &entry->timer, deadline);
}

static bool comes_before(const struct entry *a, const struct entry *b)
{
    return a->deadline < b->deadline || (a->deadline == b->deadline && a->armed_at < b->armed_at);
}

/* The model's earliest, NULL if none is armed. */
static struct entry *model_next(void)
{
    struct entry *next = NULL;

    for (size_t i = 0; i < TIMERS; i++) {
        if (entries[i].armed_at != 0 && (next == NULL || comes_before(&entries[i], next)))
            next = &entries[i];
    }
    return next;
}

static void check_against_model(void)
{
    struct entry *next = model_next();

    assert_int_equal(timers_next(&timers), next != NULL ? next->deadline : INT64_MAX);
}

/* Expires, and compares one by one what fired with what the model says. */
static void expire_and_compare(int64_t now)
{
    size_t count;

    fired_count = 0;
    timers_expire(&timers, now);
    count = fired_count;
    for (size_t i = 0; i < count; i++) {
        struct entry *next = model_next();

        assert_ptr_equal(fired[i], next);
        assert_true(next->deadline <= now);
        assert_false(timer_is_armed(&next->timer));
        next->armed_at = 0;
    }
    if (model_next() != NULL)
        assert_true(model_next()->deadline > now);
}

static void an_empty_heap_has_no_deadline(void **state)
{
    (void)state;
    start_anew();
    assert_int_equal(timers_next(&timers), INT64_MAX);
    timers_expire(&timers, INT64_MAX);
    assert_int_equal(fired_count, 0);
    assert_false(timer_is_armed(&entries[0].timer));
}

/* A hundred thousand steps at random: arm, disarm, expire; deadlines of a narrow range are often
 * equal, those of a wide one never. */
static void walk_at_random(random_source *source, uint64_t range)
{
    long steps = test_rounds(STEPS);
    int64_t now = 0;

    start_anew();
    for (long i = 0; i < steps; i++) {
        struct entry *entry = &entries[random_below(source, TIMERS)];

        if (entry->armed_at == 0) {
            arm(entry, now + (int64_t)random_below(source, range));
        } else if (random_below(source, 4) != 0) {
            timer_disarm(&timers, &entry->timer);
            entry->armed_at = 0;
        }
        assert_int_equal(timer_is_armed(&entry->timer), entry->armed_at != 0);
        if (i % 64 == 0)
            check_against_model();
        if (random_below(source, 200) == 0) {
            now += (int64_t)random_below(source, range / 4 + 2);
            expire_and_compare(now);
        }
    }
    expire_and_compare(INT64_MAX);
    assert_null(model_next());
    assert_int_equal(timers_next(&timers), INT64_MAX);
}

static void a_random_walk_agrees_with_the_model(void **state)
{
    random_source source = random_from_seed(5);

    (void)state;
    walk_at_random(&source, 1000000000);
    walk_at_random(&source, 50);
    walk_at_random(&source, 1);
}

static void equal_deadlines_fire_in_the_order_of_arming(void **state)
{
    (void)state;
    start_anew();
    for (size_t i = 0; i < TIMERS; i++)
        arm(&entries[i], 100 + (int64_t)(i % 3));
    for (size_t i = 0; i < TIMERS; i += 5) {
        timer_disarm(&timers, &entries[i].timer);
        arm(&entries[i], 101);
    }
    timers_expire(&timers, 99);
    assert_int_equal(fired_count, 0);
    expire_and_compare(100);
    expire_and_compare(102);
    assert_null(model_next());
}

static void the_farthest_deadlines_are_kept_apart(void **state)
{
    (void)state;
    start_anew();
    arm(&entries[0], INT64_MAX);
    arm(&entries[1], INT64_MIN);
    arm(&entries[2], INT64_MAX - 1);
    arm(&entries[3], 0);
    assert_int_equal(timers_next(&timers), INT64_MIN);
    expire_and_compare(0);
    assert_int_equal(fired_count, 2);
    assert_int_equal(timers_next(&timers), INT64_MAX - 1);
    expire_and_compare(INT64_MAX);
    assert_int_equal(fired_count, 2);
}

/* --- Timers that fire and do something --- */

static void arm_again_at_once(struct timer *timer)
{
    note_fired(timer);
    timer_arm(&timers, timer, timer->deadline);
}

static void a_timer_armed_while_expiring_waits_for_the_next_call(void **state)
{
    (void)state;
    start_anew();
    entries[0].timer.fire = arm_again_at_once;
    timer_arm(&timers, &entries[0].timer, 5);
    for (size_t i = 1; i < 10; i++)
        timer_arm(&timers, &entries[i].timer, (int64_t)i);
    for (size_t round = 1; round <= 3; round++) {
        timers_expire(&timers, 20);
        assert_true(timer_is_armed(&entries[0].timer));
        assert_int_equal(timers_next(&timers), 5);
    }
    /* Each of the nine once, and the one that arms itself at each call. */
    assert_int_equal(fired_count, 9 + 3);
}

/* The first to fire arms three that are long due; the second takes one of them back. */
static void arm_three_late(struct timer *timer)
{
    note_fired(timer);
    for (size_t i = 10; i < 13; i++)
        timer_arm(&timers, &entries[i].timer, (int64_t)i - 100);
}

static void disarm_one_late(struct timer *timer)
{
    size_t which = (size_t)((struct entry *)timer - entries);

    note_fired(timer);
    assert_true(timer_is_armed(&entries[8 + which].timer));
    timer_disarm(&timers, &entries[8 + which].timer);
    assert_false(timer_is_armed(&entries[8 + which].timer));
}

static void a_timer_armed_while_expiring_can_be_disarmed_there(void **state)
{
    (void)state;
    for (size_t which = 2; which < 5; which++) {
        start_anew();
        entries[1].timer.fire = arm_three_late;
        entries[which].timer.fire = disarm_one_late;
        timer_arm(&timers, &entries[1].timer, 1);
        timer_arm(&timers, &entries[which].timer, 2);
        timer_arm(&timers, &entries[5].timer, 3);
        timer_arm(&timers, &entries[6].timer, 30);
        timers_expire(&timers, 10);
        assert_int_equal(fired_count, 3);
        fired_count = 0;
        timers_expire(&timers, 10);
        assert_int_equal(fired_count, 2);
        assert_true(fired[0] < fired[1]);
        assert_ptr_not_equal(fired[0], &entries[8 + which]);
        assert_ptr_not_equal(fired[1], &entries[8 + which]);
        assert_int_equal(timers_next(&timers), 30);
    }
}

static void disarm_all_others(struct timer *timer)
{
    note_fired(timer);
    for (size_t i = 0; i < TIMERS; i++) {
        if (timer_is_armed(&entries[i].timer))
            timer_disarm(&timers, &entries[i].timer);
    }
}

static void a_timer_may_disarm_others_that_are_due(void **state)
{
    (void)state;
    start_anew();
    for (size_t i = 0; i < TIMERS; i++) {
        entries[i].timer.fire = disarm_all_others;
        timer_arm(&timers, &entries[i].timer, (int64_t)(i * 7919 % TIMERS));
    }
    timers_expire(&timers, INT64_MAX);
    assert_int_equal(fired_count, 1);
    assert_ptr_equal(fired[0], &entries[0]);
    assert_int_equal(timers_next(&timers), INT64_MAX);
}

static void count_only(struct timer *timer)
{
    (void)timer;
    fired_count++;
}

/* Sorted and backwards arming make the heap's worst shapes: a list, or one root above all. */
static void a_large_heap_in_either_order_of_arming_empties(void **state)
{
    struct timer *many = calloc(DEPTH, sizeof *many);

    (void)state;
    assert_non_null(many);
    for (int direction = 0; direction < 2; direction++) {
        start_anew();
        for (int64_t i = 0; i < DEPTH; i++) {
            many[i] = (struct timer){.fire = count_only};
            timer_arm(&timers, &many[i], direction == 0 ? i : DEPTH - i);
        }
        for (int64_t i = 0; i < DEPTH; i += 3)
            timer_disarm(&timers, &many[i]);
        timers_expire(&timers, DEPTH / 2);
        assert_true(timers_next(&timers) > DEPTH / 2);
        timers_expire(&timers, INT64_MAX);
        assert_int_equal(fired_count, DEPTH - (DEPTH + 2) / 3);
    }
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(an_empty_heap_has_no_deadline),
        behaviour(a_random_walk_agrees_with_the_model),
        behaviour(equal_deadlines_fire_in_the_order_of_arming),
        behaviour(the_farthest_deadlines_are_kept_apart),
        behaviour(a_timer_armed_while_expiring_waits_for_the_next_call),
        behaviour(a_timer_armed_while_expiring_can_be_disarmed_there),
        behaviour(a_timer_may_disarm_others_that_are_due),
        behaviour(a_large_heap_in_either_order_of_arming_empties),
    };

    return run_behaviours("timers", tests);
}
