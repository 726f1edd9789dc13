/*
 * The pool of stacks: sizes, guards, what is reused, what is given back to the system, and that a
 * pool which gets no more memory stays whole.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"

#include <fiber/stack.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MANY = 3000, STEPS = 100000 };

/* A user's control block, as the pool sees it: a struct stack, then whatever. */
struct block {
    struct stack stack;
    uint64_t mark;
    unsigned class_index;
};

static int forgotten;

static void count_forgotten(struct stack *stack)
{
    (void)stack;
    forgotten++;
}

static void open_pool(struct stack_pool *pool, unsigned warm_limit, enum stack_guard guard)
{
    forgotten = 0;
    stack_pool_open(pool, sizeof(struct block), warm_limit, guard == GUARD_INSTALL,
                    count_forgotten);
}

/* The lowest and the highest usable byte of a stack, below its block, written and read back. */
static void use_stack(struct stack *stack)
{
    volatile char *bottom = stack->bottom;
    volatile char *top = (char *)stack_top(stack) - 1;

    bottom[0] = 'b';
    top[0] = 't';
    assert_int_equal(bottom[0], 'b');
    assert_int_equal(top[0], 't');
}

static void a_class_holds_at_least_the_size_asked_for(void **state)
{
    (void)state;
    for (size_t size = STACK_SIZE_MIN; size <= STACK_SIZE_MAX; size += size / 7 + 1) {
        unsigned class_index = stack_class_of(size);

        assert_true(class_index < STACK_CLASSES);
        assert_true(STACK_SIZE_MIN << class_index >= size);
        assert_true(class_index == 0 || STACK_SIZE_MIN << (class_index - 1) < size);
    }
    assert_int_equal(stack_class_of(STACK_SIZE_MIN), 0);
    assert_int_equal(stack_class_of(STACK_SIZE_MAX), STACK_CLASSES - 1);
}

static void a_stack_of_every_class_is_usable_from_end_to_end(void **state)
{
    struct stack_pool pool;

    (void)state;
    open_pool(&pool, 100, GUARD_INSTALL);
    for (unsigned i = 0; i < STACK_CLASSES; i++) {
        struct stack *stack = stack_take(&pool, i);

        assert_non_null(stack);
        assert_true(stack->size >= STACK_SIZE_MIN << i);
        assert_true((char *)stack_top(stack) > stack->bottom);
        assert_true((char *)stack + sizeof(struct block) <= stack->bottom + stack->size);
        use_stack(stack);
    }
    stack_pool_close(&pool);
    assert_int_equal(forgotten, STACK_CLASSES);
}

static int compare_bottoms(const void *a, const void *b)
{
    const char *left = (*(struct stack *const *)a)->bottom;
    const char *right = (*(struct stack *const *)b)->bottom;

    return left < right ? -1 : left > right;
}

static void stacks_do_not_overlap_and_a_page_lies_between(void **state)
{
    static struct stack *stacks[MANY];
    struct stack_pool pool;

    (void)state;
    open_pool(&pool, 0, GUARD_INSTALL);
    for (int i = 0; i < MANY; i++) {
        stacks[i] = stack_take(&pool, (unsigned)i % 3);
        assert_non_null(stacks[i]);
        assert_int_equal((uintptr_t)stacks[i]->bottom % pool.page, 0);
        assert_int_equal((uintptr_t)stacks[i] % _Alignof(struct stack), 0);
    }
    qsort(stacks, MANY, sizeof *stacks, compare_bottoms);
    for (int i = 1; i < MANY; i++)
        assert_true(stacks[i - 1]->bottom + stacks[i - 1]->size + pool.page <= stacks[i]->bottom);
    stack_pool_close(&pool);
    assert_int_equal(forgotten, MANY);
}

static int touch_below(void *arg)
{
    struct stack_pool pool;
    struct stack *stack = NULL;

    signal(SIGSEGV, SIG_DFL);
    open_pool(&pool, 0, *(enum stack_guard *)arg);
    for (int i = 0; i < 300; i++)
        stack = stack_take(&pool, 2);
    ((volatile char *)stack->bottom)[0] = 1;
    ((volatile char *)stack->bottom)[-1] = 1;
    return 0;
}

static void the_page_below_a_stack_is_a_guard(void **state)
{
    static enum stack_guard guards[] = {GUARD_INSTALL, GUARD_MPROTECT};
    struct child child;

    (void)state;
    for (size_t i = 0; i < count_of(guards); i++) {
        assert_int_equal(child_run(touch_below, &guards[i], &child), 0);
        assert_true(WIFSIGNALED(child.status));
        assert_int_equal(WTERMSIG(child.status), SIGSEGV);
    }
}

static void a_stack_given_back_is_the_next_one_taken(void **state)
{
    struct stack_pool pool;
    struct stack *first;
    struct stack *second;

    (void)state;
    open_pool(&pool, 10, GUARD_INSTALL);
    first = stack_take(&pool, 2);
    second = stack_take(&pool, 2);
    assert_ptr_not_equal(first, second);
    ((struct block *)first)->mark = 77;
    stack_give(&pool, first, 2);
    assert_ptr_equal(stack_take(&pool, 2), first);
    assert_int_equal(((struct block *)first)->mark, 77);
    assert_ptr_not_equal(stack_take(&pool, 3), first);
    stack_pool_close(&pool);
}

/* How many pages of a stack are resident. */
static int resident_pages(const struct stack_pool *pool, const struct stack *stack)
{
    static unsigned char pages[1 << 16];
    size_t count = stack->size / pool->page;
    int resident = 0;

    assert_true(count <= sizeof pages);
    assert_int_equal(mincore(stack->bottom, stack->size, pages), 0);
    for (size_t i = 0; i < count; i++)
        resident += pages[i] & 1;
    return resident;
}

static void a_pool_past_its_limit_gives_pages_back(void **state)
{
    enum { COUNT = 100, LIMIT = 30 };
    struct stack *stacks[COUNT];
    struct stack_pool pool;
    int resident = 0;

    (void)state;
    open_pool(&pool, LIMIT, GUARD_INSTALL);
    for (int i = 0; i < COUNT; i++) {
        stacks[i] = stack_take(&pool, 2);
        assert_non_null(stacks[i]);
        use_stack(stacks[i]);
    }
    for (int i = 0; i < COUNT; i++)
        stack_give(&pool, stacks[i], 2);
    assert_true(stack_may_trim(&pool));
    assert_true(stack_wants_trim(&pool) == (pool.warm_count > 16 * pool.warm_limit));
    unsigned warm = pool.warm_count;
    stack_trim(&pool, 1);
    assert_int_equal(pool.warm_count, warm - 1);
    stack_trim(&pool, UINT_MAX);
    assert_false(stack_may_trim(&pool));
    assert_int_equal(forgotten, COUNT - LIMIT);
    for (int i = 0; i < COUNT; i++) {
        struct stack bounds = {.bottom = stacks[i]->bottom, .size = stacks[i]->size};

        /* A cold one's block reads as zeroes; a warm one holds its pages. */
        resident += bounds.bottom != NULL && resident_pages(&pool, &bounds) >= 2;
    }
    assert_int_equal(resident, LIMIT);
    for (int i = 0; i < COUNT; i++) {
        struct stack *stack = stack_take(&pool, 2);

        assert_non_null(stack);
        use_stack(stack);
    }
    stack_pool_close(&pool);
    assert_int_equal(forgotten, COUNT - LIMIT + COUNT);
}

/* Takes, gives and trims at random; no stack may be had twice, each keeps its owner's mark. */
static void stacks_taken_at_random_are_never_had_twice(void **state)
{
    static struct block *taken[MANY];
    random_source source = random_from_seed(4);
    long steps = test_rounds(STEPS);
    struct stack_pool pool;
    int count = 0;

    (void)state;
    open_pool(&pool, 200, GUARD_INSTALL);
    for (long i = 0; i < steps; i++) {
        if (count == 0 || (count < MANY && random_below(&source, 100) < 52)) {
            unsigned class_index = (unsigned)random_below(&source, 4);
            struct block *block = (struct block *)stack_take(&pool, class_index);

            assert_non_null(block);
            use_stack(&block->stack);
            block->class_index = class_index;
            block->mark = (uintptr_t)block ^ (uint64_t)count;
            taken[count++] = block;
        } else {
            int index = (int)random_below(&source, (uint64_t)count);
            struct block *block = taken[index];

            assert_int_equal(block->mark, (uintptr_t)block ^ (uint64_t)index);
            taken[index] = taken[--count];
            taken[index]->mark = (uintptr_t)taken[index] ^ (uint64_t)index;
            block->mark = 0;
            stack_give(&pool, &block->stack, block->class_index);
        }
        if (random_below(&source, 50) == 0 && stack_may_trim(&pool))
            stack_trim(&pool, UINT_MAX);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(taken[i]->mark, (uintptr_t)taken[i] ^ (uint64_t)i);
    stack_pool_close(&pool);
}

static int take_until_refused(void *arg)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)1 << 40, .rlim_max = RLIM_INFINITY};
    struct stack_pool pool;
    struct stack *last = NULL;
    struct stack *stack;
    int count = 0;

    (void)arg;
    check_equal(setrlimit(RLIMIT_AS, &limit), 0);
    open_pool(&pool, 1u << 20, GUARD_INSTALL);
    while (count < 2000 && (stack = stack_take(&pool, STACK_CLASSES - 1)) != NULL) {
        stack->next = last;
        last = stack;
        count++;
    }
    check(count > 100 && count < 1100);
    check(stack_take(&pool, STACK_CLASSES - 1) == NULL);
    while (last != NULL) {
        stack = last;
        last = stack->next;
        stack_give(&pool, stack, STACK_CLASSES - 1);
    }
    for (int i = 0; i < count; i++)
        check(stack_take(&pool, STACK_CLASSES - 1) != NULL);
    check(stack_take(&pool, STACK_CLASSES - 1) == NULL);
    stack_pool_close(&pool);
    check_equal(forgotten, count);
    return 0;
}

static void a_pool_without_memory_gives_null_and_stays_whole(void **state)
{
    if (UNDER_SANITIZER)
        skip_because("a sanitizer has more address space than RLIMIT_AS here allows");
    run_in_child(take_until_refused, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_class_holds_at_least_the_size_asked_for),
        behaviour(a_stack_of_every_class_is_usable_from_end_to_end),
        behaviour(stacks_do_not_overlap_and_a_page_lies_between),
        behaviour(the_page_below_a_stack_is_a_guard),
        behaviour(a_stack_given_back_is_the_next_one_taken),
        behaviour(a_pool_past_its_limit_gives_pages_back),
        behaviour(stacks_taken_at_random_are_never_had_twice),
        behaviour(a_pool_without_memory_gives_null_and_stays_whole),
    };

    return run_behaviours("stack", tests);
}
