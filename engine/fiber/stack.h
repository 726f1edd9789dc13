/*
 * Stacks: slabs of equal ones, a guard page below each, a pool of those that are free.
 *
 *      lowest address                                              highest address
 *     | guard | ............ usable: size bytes ......... [ block | colour ] | next ...
 *                                        the stack grows down <--  top
 *
 * At the top of each stack lies its user's control block, which starts with a `struct stack`: an
 * idle stack costs the one page that holds the block and the first frames. A slot is a guard page
 * larger than its stack and each block is moved down by a colour of 0 to 31 cache lines, so that
 * the blocks of many stacks do not fall into the same few sets of the processor's caches.
 *
 * A stack is taken (a fiber's), warm (free, its pages still there, in its class's list) or cold
 * (free, its pages given back, known to its slab by index). stack_give makes it warm and touches
 * nothing below the block, so that a fiber may give its own stack just before it ends; only
 * stack_trim, from another stack, makes one cold. Address space is kept until the pool closes: a
 * stale pointer to a block reads an older or a zeroed block, never a fault.
 *
 * One pool a loop; used by that loop's thread alone.
 */
#ifndef FIBER_STACK_H
#define FIBER_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_SIZE_MIN ((size_t)1 << 14)
#define STACK_SIZE_MAX ((size_t)1 << 30)
#define STACK_CLASSES 17 /* a power of two each, from _MIN to _MAX */

struct slab;

struct stack {
    struct stack *next; /* in the warm list */
    char *bottom;       /* lowest usable address; the guard page ends here */
    size_t size;        /* from bottom to the slot's end */
    struct slab *slab;
    uint32_t index; /* in the slab */
    unsigned annotation;
};

struct stack_class {
    struct stack *warm;
    struct slab *slabs; /* all of this size; only the first may have slots never taken */
    struct slab *cold;  /* those with cold stacks */
};

enum stack_guard { GUARD_INSTALL, GUARD_MPROTECT };

struct stack_pool {
    struct stack_class classes[STACK_CLASSES];
    size_t block_size;   /* bytes of a control block */
    size_t page;         /* bytes of a page */
    unsigned warm_count; /* of all classes */
    unsigned warm_limit; /* above it stack_trim makes stacks cold */
    unsigned warm_most;  /* above it that is urgent: a crowd's end is often a crowd's beginning */
    enum stack_guard guard;
    void (*forget)(struct stack *); /* called before a block is lost, to let go of what it holds */
};

/* Opens a pool of control blocks of block_size bytes. `light` asks for MADV_GUARD_INSTALL
 * (Linux 6.13), which is used if the kernel has it. */
void stack_pool_open(struct stack_pool *pool, size_t block_size, unsigned warm_limit, bool light,
                     void (*forget)(struct stack *));

/* Gives every stack, taken or not, back to the system. */
void stack_pool_close(struct stack_pool *pool);

/* The class of stacks of at least `size` bytes, which must lie within the bounds. */
unsigned stack_class_of(size_t size);

/* A stack of that class: its control block, of which only the first part, `struct stack`, is set.
 * NULL if the system has no memory for another one. */
struct stack *stack_take_new(struct stack_pool *pool, unsigned class_index);

static inline struct stack *stack_take(struct stack_pool *pool, unsigned class_index)
{
    struct stack *stack = pool->classes[class_index].warm;
    if (__builtin_expect(!stack, 0))
        return stack_take_new(pool, class_index);
    pool->classes[class_index].warm = stack->next;
    pool->warm_count--;
    return stack;
}

/* Puts a taken stack back, warm. */
static inline void stack_give(struct stack_pool *pool, struct stack *stack, unsigned class_index)
{
    stack->next = pool->classes[class_index].warm;
    pool->classes[class_index].warm = stack;
    pool->warm_count++;
}

/* So many are warm that it cannot wait. */
static inline bool stack_wants_trim(const struct stack_pool *pool)
{
    return pool->warm_count > pool->warm_most;
}

/* More are than should be in the long run: for when there is nothing else to do. */
static inline bool stack_may_trim(const struct stack_pool *pool)
{
    return pool->warm_count > pool->warm_limit;
}

/* Makes at most `most` warm stacks cold, and none once the limit is kept. Must not run on a stack
 * that was given. */
void stack_trim(struct stack_pool *pool, unsigned most);

/* Where a fiber's frames start: below the control block. */
static inline void *stack_top(struct stack *stack)
{
    return stack;
}

#endif
