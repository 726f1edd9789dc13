/*
 * The ring's seam, without tasks: what is filled is submitted once and completes once, by its
 * token; waits end when told; deadlines and cancels reach the op they are meant for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <core/ring.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { TOKENS = 4096, ENTRIES = 8, COMPLETIONS = 16, TURNS_MAX = 100000 };

#define FEATURE_BITS 10

static struct ring ring;
static int seen[TOKENS];
static int32_t results[TOKENS];
static int seen_count;

static void note(void *context, uint64_t token, int32_t result, unsigned marks)
{
    (void)marks;
    assert_ptr_equal(context, &ring);
    assert_true(token < TOKENS);
    seen[token]++;
    results[token] = result;
    seen_count++;
}

/* What is looked at has not been handed over yet, and is looked at once. */
static int looked[TOKENS];

static void look(uint64_t token)
{
    assert_true(token < TOKENS);
    looked[token]++;
    assert_int_equal(seen[token], 0);
    assert_int_equal(looked[token], 1);
}

static void open_ring(unsigned entries, unsigned completions, uint64_t without)
{
    memset(seen, 0, sizeof seen);
    memset(looked, 0, sizeof looked);
    seen_count = 0;
    assert_int_equal(ring_open(&ring, entries, completions, without), 0);
    assert_true(ring_is_quiet(&ring));
    assert_int_equal(ring_room(&ring), ring.entries);
    assert_true(ring.entries >= entries);
}

/* Turns and reaps until `count` completions have been seen. */
static void reap_until(int count)
{
    for (int i = 0; i < TURNS_MAX && seen_count < count; i++) {
        int result = ring_turn(&ring, RING_FOREVER);

        assert_true(result == 0 || result == -EAGAIN);
        ring_reap(&ring, note, look, &ring);
    }
    assert_int_equal(seen_count, count);
}

static void fill_nop(uint64_t token)
{
    whorl_op op = whorl_op_nop();

    ring_fill(&ring, &op, token, RING_LINK_NONE);
}

static void each_op_completes_once_by_its_token(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit <= FEATURE_BITS; bit++) {
        open_ring(ENTRIES, COMPLETIONS, bit < FEATURE_BITS ? UINT64_C(1) << bit : UINT64_MAX);
        for (uint64_t token = 0; token < TOKENS; token++) {
            if (ring_room(&ring) == 0) {
                assert_int_equal(ring_turn(&ring, RING_NOW), 0);
                ring_reap(&ring, note, look, &ring);
            }
            assert_true(ring_room(&ring) > 0);
            fill_nop(token);
        }
        reap_until(TOKENS);
        for (int token = 0; token < TOKENS; token++) {
            assert_int_equal(seen[token], 1);
            assert_int_equal(results[token], 0);
        }
        assert_true(ring_is_quiet(&ring));
        ring_close(&ring);
    }
}

static void room_is_what_is_not_filled(void **state)
{
    unsigned entries;

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    entries = ring_room(&ring);
    for (unsigned i = 0; i < entries; i++) {
        assert_int_equal(ring_room(&ring), entries - i);
        fill_nop(i);
        assert_false(ring_is_quiet(&ring));
    }
    assert_int_equal(ring_room(&ring), 0);
    assert_int_equal(ring_turn(&ring, RING_NOW), 0);
    assert_int_equal(ring_room(&ring), entries);
    reap_until((int)entries);
    ring_close(&ring);
}

/* More completions than the queue holds, before any is reaped. */
static void completions_beyond_the_queue_are_kept(void **state)
{
    int filled = 0;

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    for (int round = 0; round < 100; round++) {
        while (ring_room(&ring) > 0 && filled < TOKENS)
            fill_nop((uint64_t)filled++);
        ring_turn(&ring, RING_NOW);
        assert_true(seen_count == 0);
    }
    reap_until(filled);
    for (int token = 0; token < filled; token++)
        assert_int_equal(seen[token], 1);
    ring_close(&ring);
}

static void who_comes_soon_is_looked_at_before(void **state)
{
    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    for (uint64_t token = 0; token < ENTRIES; token++)
        fill_nop(token);
    reap_until(ENTRIES);
    int count = 0;
    for (int token = 0; token < ENTRIES; token++)
        count += looked[token];
    assert_in_range(count, ENTRIES / 2, ENTRIES - 1); /* the first ones come at once */
    ring_close(&ring);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    static const int64_t lengths[] = {-1000, 1, 1000, 1000000, 20000000};

    (void)state;
    for (int absolute = 0; absolute < 2; absolute++) {
        open_ring(ENTRIES, COMPLETIONS, absolute != 0 ? 0 : WHORL_FEATURE_ABS_TIMER);
        for (size_t i = 0; i < count_of(lengths); i++) {
            int64_t deadline = whorl_now() + lengths[i];

            assert_int_equal(ring_turn(&ring, deadline), 0);
            assert_true(whorl_now() >= deadline);
            assert_int_equal(ring_reap(&ring, note, look, &ring), 0);
        }
        ring_close(&ring);
    }
}

static void a_wait_ends_with_the_first_completion(void **state)
{
    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    fill_nop(7);
    assert_int_equal(ring_turn(&ring, whorl_now() + WHORL_SECONDS(1000)), 0);
    ring_reap(&ring, note, look, &ring);
    assert_int_equal(seen[7], 1);
    ring_close(&ring);
}

static void a_cancel_reaches_its_op_alone(void **state)
{
    pair both = pipe_pair();
    whorl_op op = whorl_op_poll(both.ends[0], POLLIN);

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    ring_fill(&ring, &op, 1, RING_LINK_NONE);
    ring_fill(&ring, &op, 2, RING_LINK_NONE);
    assert_int_equal(ring_turn(&ring, RING_NOW), 0);
    assert_int_equal(ring_reap(&ring, note, look, &ring), 0);
    ring_fill_cancel(&ring, 1, 3);
    ring_fill_cancel(&ring, 99, 4);
    reap_until(3);
    assert_int_equal(results[1], -ECANCELED);
    assert_int_equal(results[3], 0);
    assert_int_equal(results[4], -ENOENT);
    assert_int_equal(seen[2], 0);
    assert_int_equal(write(both.ends[1], "x", 1), 1);
    reap_until(4);
    assert_int_equal(results[2] & POLLIN, POLLIN);
    ring_close(&ring);
    close_pair(&both);
}

static void a_deadline_ends_its_op_and_completes_not_itself(void **state)
{
    pair both = pipe_pair();
    whorl_op op = whorl_op_poll(both.ends[0], POLLIN);
    int64_t deadline = whorl_now() + WHORL_MS(2);
    struct {
        int64_t seconds;
        int64_t nanoseconds;
    } end = {deadline / WHORL_SECONDS(1), deadline % WHORL_SECONDS(1)};

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    ring_fill(&ring, &op, 1, RING_LINK_SOFT);
    ring_fill_deadline(&ring, &end, 2, RING_LINK_NONE, RING_REPORT_REFUSAL);
    reap_until(1);
    assert_true(whorl_now() >= deadline);
    assert_int_equal(results[1], -ECANCELED);
    /* The other way: the op is done before its deadline, which says nothing then. */
    assert_int_equal(write(both.ends[1], "x", 1), 1);
    end.seconds += 1000;
    ring_fill(&ring, &op, 3, RING_LINK_SOFT);
    ring_fill_deadline(&ring, &end, 4, RING_LINK_NONE, RING_REPORT_REFUSAL);
    reap_until(2);
    assert_int_equal(results[3] & POLLIN, POLLIN);
    fill_nop(5);
    reap_until(3);
    assert_int_equal(seen[2] + seen[4], 0);
    ring_close(&ring);
    close_pair(&both);
}

static void a_deadline_that_always_reports_tells_whether_it_fired(void **state)
{
    pair both = pipe_pair();
    whorl_op op = whorl_op_poll(both.ends[0], POLLIN);
    int64_t deadline = whorl_now() + WHORL_MS(2);
    struct {
        int64_t seconds;
        int64_t nanoseconds;
    } end = {deadline / WHORL_SECONDS(1), deadline % WHORL_SECONDS(1)};

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    ring_fill(&ring, &op, 1, RING_LINK_SOFT);
    ring_fill_deadline(&ring, &end, 2, RING_LINK_NONE, RING_REPORT_ALWAYS);
    reap_until(2);
    assert_int_equal(results[1], -ECANCELED);
    assert_int_not_equal(results[2], -ECANCELED);
    assert_int_equal(write(both.ends[1], "x", 1), 1);
    end.seconds += 1000;
    ring_fill(&ring, &op, 3, RING_LINK_SOFT);
    ring_fill_deadline(&ring, &end, 4, RING_LINK_NONE, RING_REPORT_ALWAYS);
    reap_until(4);
    assert_int_equal(results[3] & POLLIN, POLLIN);
    assert_int_equal(results[4], -ECANCELED);
    ring_close(&ring);
    close_pair(&both);
}

static void a_soft_link_breaks_where_a_hard_one_holds(void **state)
{
    whorl_op bad = whorl_op_fsync(-1);

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    ring_fill(&ring, &bad, 1, RING_LINK_SOFT);
    fill_nop(2);
    ring_fill(&ring, &bad, 3, RING_LINK_HARD);
    fill_nop(4);
    reap_until(4);
    assert_int_equal(results[1], -EBADF);
    assert_int_equal(results[2], -ECANCELED);
    assert_int_equal(results[3], -EBADF);
    assert_int_equal(results[4], 0);
    ring_close(&ring);
}

static void a_ring_closes_all_that_it_opened(void **state)
{
    int before = open_descriptors();

    (void)state;
    for (int i = 0; i < 200; i++) {
        open_ring(1 + (unsigned)i % 64, 1, i % 2 == 0 ? 0 : UINT64_MAX);
        fill_nop(0);
        reap_until(1);
        ring_close(&ring);
    }
    assert_int_equal(open_descriptors(), before);
}

static void what_is_done_without_is_not_among_the_features(void **state)
{
    uint64_t all;

    (void)state;
    open_ring(ENTRIES, COMPLETIONS, 0);
    all = ring.features;
    ring_close(&ring);
    for (unsigned bit = 0; bit < FEATURE_BITS; bit++) {
        open_ring(ENTRIES, COMPLETIONS, UINT64_C(1) << bit);
        assert_int_equal(ring.features & UINT64_C(1) << bit, 0);
        /* What needs it goes too; all else stays. */
        if (bit != 0)
            assert_int_equal(ring.features | UINT64_C(1) << bit, all | UINT64_C(1) << bit);
        ring_close(&ring);
    }
    open_ring(ENTRIES, COMPLETIONS, UINT64_MAX);
    assert_int_equal(ring.features, 0);
    ring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(each_op_completes_once_by_its_token),
        behaviour(who_comes_soon_is_looked_at_before),
        behaviour(room_is_what_is_not_filled),
        behaviour(completions_beyond_the_queue_are_kept),
        behaviour(a_wait_ends_at_its_deadline),
        behaviour(a_wait_ends_with_the_first_completion),
        behaviour(a_cancel_reaches_its_op_alone),
        behaviour(a_deadline_ends_its_op_and_completes_not_itself),
        behaviour(a_deadline_that_always_reports_tells_whether_it_fired),
        behaviour(a_soft_link_breaks_where_a_hard_one_holds),
        behaviour(a_ring_closes_all_that_it_opened),
        behaviour(what_is_done_without_is_not_among_the_features),
    };

    return run_behaviours("ring", tests);
}
