/*
 * The switch itself, without tasks: fibers go to and fro, pass values, nest, and end, on stacks
 * from the pool.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <fiber/fiber.h>
#include <fiber/stack.h>

enum { SWITCHES = 100000, RING = 100, LIVES = 2000 };

struct block {
    struct stack stack;
    struct fiber fiber;
    struct block *next;
    int turns;
    int sum;
};

static struct stack_pool pool;
static struct fiber host;
static bool host_known;

static void forget(struct stack *stack)
{
    annotate_forget(&((struct block *)stack)->fiber.annotation);
}

static void open_pool(void)
{
    stack_pool_open(&pool, sizeof(struct block), 1000, true, forget);
    host = (struct fiber){0};
    host_known = false;
    fiber_host(&host);
}

static struct block *make_fiber(fiber_entry *entry)
{
    struct block *block = (struct block *)stack_take(&pool, stack_class_of(65536));

    assert_non_null(block);
    block->turns = 0;
    block->sum = 0;
    block->next = NULL;
    fiber_init(&block->fiber, block->stack.bottom, stack_top(&block->stack), entry, block, &host);
    return block;
}

/* What every entry does first; the very first one tells the tools where the host's stack lies. */
static struct block *arrive(void *arg)
{
    struct block *self = arg;

    fiber_arrive(&self->fiber, host_known ? NULL : &host);
    host_known = true;
    return self;
}

static void count_turns(void *arg)
{
    struct block *self = arrive(arg);

    for (;;) {
        self->turns++;
        fiber_switch(&self->fiber, &host);
    }
}

static void a_fiber_goes_on_where_it_stopped(void **state)
{
    struct block *block;

    (void)state;
    open_pool();
    block = make_fiber(count_turns);
    assert_int_equal(block->turns, 0);
    for (int i = 1; i <= SWITCHES; i++) {
        fiber_switch(&host, &block->fiber);
        assert_int_equal(block->turns, i);
    }
    stack_pool_close(&pool);
}

static void pass_on(void *arg)
{
    struct block *self = arrive(arg);

    for (;;) {
        self->turns++;
        fiber_switch(&self->fiber, self->next != NULL ? &self->next->fiber : &host);
    }
}

static void fibers_switch_straight_from_one_to_the_next(void **state)
{
    struct block *ring[RING];

    (void)state;
    open_pool();
    for (int i = 0; i < RING; i++)
        ring[i] = make_fiber(pass_on);
    for (int i = 0; i + 1 < RING; i++)
        ring[i]->next = ring[i + 1];
    for (int round = 1; round <= 500; round++) {
        fiber_switch(&host, &ring[0]->fiber);
        for (int i = 0; i < RING; i++)
            assert_int_equal(ring[i]->turns, round);
    }
    stack_pool_close(&pool);
}

static int __attribute__((noinline)) descend(struct block *self, int depth)
{
    volatile int here = depth;

    if (depth == 0) {
        fiber_switch(&self->fiber, &host);
        return 0;
    }
    return descend(self, depth - 1) + here;
}

static void add_up_in_depth(void *arg)
{
    struct block *self = arrive(arg);

    for (;;)
        self->sum = descend(self, 100);
}

static void a_fiber_stopped_in_deep_calls_keeps_its_frames(void **state)
{
    struct block *blocks[10];

    (void)state;
    open_pool();
    for (size_t i = 0; i < count_of(blocks); i++) {
        blocks[i] = make_fiber(add_up_in_depth);
        fiber_switch(&host, &blocks[i]->fiber);
    }
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < count_of(blocks); i++) {
            blocks[i]->sum = 0;
            fiber_switch(&host, &blocks[i]->fiber);
            assert_int_equal(blocks[i]->sum, 5050);
        }
    }
    stack_pool_close(&pool);
}

static void live_once(void *arg)
{
    struct block *self = arrive(arg);

    self->turns++;
    fiber_switch(&self->fiber, &host);
    self->turns++;
    fiber_end(&self->fiber, &host);
}

static void an_ended_fibers_stack_serves_the_next(void **state)
{
    (void)state;
    open_pool();
    for (int i = 0; i < LIVES; i++) {
        struct block *block = make_fiber(live_once);

        fiber_switch(&host, &block->fiber);
        assert_int_equal(block->turns, 1);
        fiber_switch(&host, &block->fiber);
        assert_int_equal(block->turns, 2);
        stack_give(&pool, &block->stack, stack_class_of(65536));
    }
    assert_int_equal(pool.warm_count, 1);
    stack_pool_close(&pool);
}

static void check_alignment(void *arg)
{
    struct block *self = arrive(arg);
    _Alignas(16) char aligned[16];
    volatile uintptr_t address = (uintptr_t)aligned;

    self->sum = (int)(address % 16);
    self->turns = (int)((uintptr_t)__builtin_frame_address(0) % 16);
    fiber_end(&self->fiber, &host);
}

static void a_fibers_stack_is_aligned_as_the_abi_asks(void **state)
{
    (void)state;
    open_pool();
    for (int i = 0; i < 64; i++) {
        struct block *block = make_fiber(check_alignment);

        fiber_switch(&host, &block->fiber);
        assert_int_equal(block->sum, 0);
        assert_int_equal(block->turns, 0);
    }
    stack_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_fiber_goes_on_where_it_stopped),
        behaviour(fibers_switch_straight_from_one_to_the_next),
        behaviour(a_fiber_stopped_in_deep_calls_keeps_its_frames),
        behaviour(an_ended_fibers_stack_serves_the_next),
        behaviour(a_fibers_stack_is_aligned_as_the_abi_asks),
    };

    return run_behaviours("fiber", tests);
}
