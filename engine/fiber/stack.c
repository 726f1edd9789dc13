/* Stacks: see stack.h for the layout and the states. */
#include <assert.h>
#include <fiber/annotate.h>
#include <fiber/stack.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define SLAB_BYTES ((size_t)16 << 20) /* about as much address space as one slab takes */
#define SLAB_STACKS 1024              /* at most; cold[] fits the slab's first page */
#define COLOURS 32
#define WARM_EXCESS 16 /* times the limit that may be warm for a while */
#define CACHE_LINE 64

/* A slab starts with a page for itself, then come its slots. */
struct slab {
    struct slab *next;
    struct slab *next_cold;
    size_t bytes;
    size_t size;  /* of a stack */
    size_t slots; /* offset of the first slot */
    uint32_t count;
    uint32_t fresh; /* slots from here on were never taken and have no guard yet */
    uint32_t cold_count;
    uint16_t cold[SLAB_STACKS]; /* indices of the cold ones, as a stack */
};

_Static_assert(sizeof(struct slab) <= 4096, "a slab's head fits the smallest page");

void stack_pool_open(struct stack_pool *pool, size_t block_size, unsigned warm_limit, bool light,
                     void (*forget)(struct stack *))
{
    *pool = (struct stack_pool){0};
    pool->block_size = (block_size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    pool->page = (size_t)sysconf(_SC_PAGESIZE);
    pool->warm_limit = warm_limit;
    pool->warm_most = warm_limit < UINT32_MAX / WARM_EXCESS ? warm_limit * WARM_EXCESS : UINT32_MAX;
    pool->forget = forget;
    pool->guard = GUARD_MPROTECT;
    if (!light)
        return;
    void *probe = mmap(NULL, pool->page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return;
    if (madvise(probe, pool->page, MADV_GUARD_INSTALL) == 0)
        pool->guard = GUARD_INSTALL;
    munmap(probe, pool->page);
}

static size_t slot_size(const struct stack_pool *pool, const struct slab *slab)
{
    return slab->size + pool->page;
}

static char *slot_start(const struct stack_pool *pool, const struct slab *slab, uint32_t index)
{
    return (char *)slab + slab->slots + index * slot_size(pool, slab);
}

static struct stack *slot_block(const struct stack_pool *pool, struct slab *slab, uint32_t index)
{
    char *end = slot_start(pool, slab, index) + slot_size(pool, slab);
    return (struct stack *)(end - pool->block_size - (index % COLOURS) * CACHE_LINE);
}

static bool slot_is_cold(const struct slab *slab, uint32_t index)
{
    for (uint32_t i = 0; i < slab->cold_count; i++)
        if (slab->cold[i] == index)
            return true;
    return false;
}

static void stack_let_go(struct stack_pool *pool, struct stack *stack)
{
    pool->forget(stack);
    annotate_no_stack(stack->annotation);
}

void stack_pool_close(struct stack_pool *pool)
{
    for (unsigned i = 0; i < STACK_CLASSES; i++) {
        for (struct slab *slab = pool->classes[i].slabs, *next; slab; slab = next) {
            next = slab->next;
            for (uint32_t k = 0; k < slab->fresh; k++)
                if (!slot_is_cold(slab, k))
                    stack_let_go(pool, slot_block(pool, slab, k));
            annotate_memory(slab, slab->bytes);
            annotate_no_slab(slab, slab->bytes);
            munmap(slab, slab->bytes);
        }
    }
    *pool = (struct stack_pool){0};
}

unsigned stack_class_of(size_t size)
{
    assert(size >= STACK_SIZE_MIN && size <= STACK_SIZE_MAX);
    unsigned class_index = 0;
    while (STACK_SIZE_MIN << class_index < size)
        class_index++;
    return class_index;
}

static struct slab *slab_open(struct stack_pool *pool, unsigned class_index)
{
    size_t size = STACK_SIZE_MIN << class_index;
    size_t count = SLAB_BYTES / (size + pool->page);
    count = count < 1 ? 1 : count > SLAB_STACKS ? SLAB_STACKS : count;
    size_t bytes = pool->page + count * (size + pool->page);
    struct slab *slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (slab == MAP_FAILED)
        return NULL;
    /* A huge page would make every idle stack of its 2 MiB resident. A kernel built without huge
     * pages refuses the advice, and needs none. */
    madvise(slab, bytes, MADV_NOHUGEPAGE);
    annotate_slab(slab, bytes);
    slab->bytes = bytes;
    slab->size = size;
    slab->slots = pool->page;
    slab->count = (uint32_t)count;
    slab->next = pool->classes[class_index].slabs;
    pool->classes[class_index].slabs = slab;
    return slab;
}

static bool guard_slot(const struct stack_pool *pool, char *guard)
{
    if (pool->guard == GUARD_INSTALL)
        return madvise(guard, pool->page, MADV_GUARD_INSTALL) == 0;
    return mprotect(guard, pool->page, PROT_NONE) == 0;
}

struct stack *stack_take_new(struct stack_pool *pool, unsigned class_index)
{
    struct stack_class *class = &pool->classes[class_index];
    struct slab *slab = class->cold;
    uint32_t index;
    if (slab) {
        index = slab->cold[--slab->cold_count];
        if (slab->cold_count == 0)
            class->cold = slab->next_cold;
    } else {
        slab = class->slabs;
        if (!slab || slab->fresh == slab->count)
            slab = slab_open(pool, class_index);
        if (!slab || !guard_slot(pool, slot_start(pool, slab, slab->fresh)))
            return NULL;
        index = slab->fresh++;
    }
    struct stack *stack = slot_block(pool, slab, index);
    *stack = (struct stack){
        .bottom = slot_start(pool, slab, index) + pool->page,
        .size = slab->size,
        .slab = slab,
        .index = index,
    };
    stack->annotation = annotate_stack(stack->bottom, stack->bottom + stack->size);
    return stack;
}

/* Memory to be given back: neighbouring stacks by one call, which leaves the guards between them as
 * they are. */
struct range {
    char *from;
    char *to;
};

static void range_give_back(struct range *range)
{
    if (range->from)
        madvise(range->from, (size_t)(range->to - range->from), MADV_DONTNEED);
    *range = (struct range){0};
}

static void range_add(const struct stack_pool *pool, struct range *range, const struct stack *stack)
{
    char *from = stack->bottom;
    char *to = from + stack->size;
    if (range->from && from == range->to + pool->page) {
        range->to = to;
    } else if (range->from && to + pool->page == range->from) {
        range->from = from;
    } else {
        range_give_back(range);
        *range = (struct range){from, to};
    }
}

/* Makes a stack cold, but for its memory, which comes to `range`. */
static void stack_cool(struct stack_pool *pool, struct stack_class *class, struct stack *stack,
                       struct range *range)
{
    struct slab *slab = stack->slab;
    uint32_t index = stack->index;
    stack_let_go(pool, stack);
    annotate_memory(stack->bottom, stack->size);
    range_add(pool, range, stack);
    if (slab->cold_count == 0) {
        slab->next_cold = class->cold;
        class->cold = slab;
    }
    slab->cold[slab->cold_count++] = (uint16_t)index;
}

void stack_trim(struct stack_pool *pool, unsigned most)
{
    struct range range = {0};
    for (unsigned i = STACK_CLASSES; i-- > 0;) {
        struct stack_class *class = &pool->classes[i];
        while (class->warm && most > 0 && stack_may_trim(pool)) {
            struct stack *stack = class->warm;
            class->warm = stack->next;
            pool->warm_count--;
            most--;
            stack_cool(pool, class, stack, &range);
        }
    }
    range_give_back(&range);
}
