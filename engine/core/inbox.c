/* The inbox: see inbox.h. */
#include <assert.h>
#include <core/inbox.h>
#include <core/loop.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define INSIDE UINT64_C(1) /* one producer */
#define INSIDE_MASK ((UINT64_C(1) << 62) - 1)
#define SLEEPING (UINT64_C(1) << 62)
#define CLOSED (UINT64_C(1) << 63)

#define CLOSE_PAUSE 20000 /* ns between looks at who is inside: a few instructions, or a slice */

/* With one reference. -ENOMEM, -EMFILE, -ENFILE. */
static int inbox_make(struct inbox **result)
{
    struct inbox *inbox = aligned_alloc(INBOX_LINE, sizeof *inbox);
    if (!inbox)
        return -ENOMEM;
    *inbox = (struct inbox){.references = 1};
    inbox->tail = &inbox->stub;
    inbox->head = &inbox->stub;
    inbox->kept_end = &inbox->kept;
    /* Not nonblocking: the ring would not wait for such a one. */
    inbox->eventfd = eventfd(0, EFD_CLOEXEC);
    if (inbox->eventfd < 0) {
        int error = -errno;
        free(inbox);
        return error;
    }
    *result = inbox;
    return 0;
}

void inbox_ref(struct inbox *inbox)
{
    __atomic_fetch_add(&inbox->references, 1, __ATOMIC_RELAXED);
}

static void free_list(struct inbox_node *node)
{
    for (struct inbox_node *next; node; node = next) {
        next = node->next;
        free(node);
    }
}

void inbox_unref(struct inbox *inbox)
{
    if (__atomic_fetch_sub(&inbox->references, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    free_list(inbox->spares);
    free_list(inbox->returned);
    close(inbox->eventfd);
    free(inbox);
}

/* --- Putting in --- */

/* A bare system call, as write(2) is a point where a thread may be cancelled. */
static void write_eventfd(const struct inbox *inbox)
{
    static const uint64_t one = 1;
    int former = errno;
    if (syscall(SYS_write, inbox->eventfd, &one, sizeof one) < 0) {
        /* It would take 2^64 wakes that nobody hears. */
    }
    errno = former;
}

/* Wakes the loop, unless another does. */
static void wake(struct inbox *inbox)
{
    if (__atomic_fetch_and(&inbox->state, ~SLEEPING, __ATOMIC_SEQ_CST) & SLEEPING)
        write_eventfd(inbox);
}

static bool enter(struct inbox *inbox)
{
    if (__atomic_load_n(&inbox->state, __ATOMIC_RELAXED) & CLOSED)
        return false;
    if (!(__atomic_fetch_add(&inbox->state, INSIDE, __ATOMIC_SEQ_CST) & CLOSED))
        return true;
    __atomic_fetch_sub(&inbox->state, INSIDE, __ATOMIC_SEQ_CST);
    return false;
}

static void leave(struct inbox *inbox)
{
    uint64_t state = __atomic_fetch_sub(&inbox->state, INSIDE, __ATOMIC_SEQ_CST);
    assert(state & INSIDE_MASK);
    if (state & SLEEPING)
        wake(inbox);
}

static void push(struct inbox *inbox, struct inbox_node *node)
{
    __atomic_store_n(&node->next, NULL, __ATOMIC_RELAXED);
    struct inbox_node *former = __atomic_exchange_n(&inbox->tail, node, __ATOMIC_ACQ_REL);
    __atomic_store_n(&former->next, node, __ATOMIC_RELEASE);
}

bool inbox_put(struct inbox *inbox, struct inbox_node *node)
{
    if (!enter(inbox))
        return false;
    push(inbox, node);
    leave(inbox);
    return true;
}

void inbox_alarm(struct inbox *inbox, struct inbox_node *node)
{
    if (inbox_put(inbox, node))
        write_eventfd(inbox);
}

void inbox_return(struct inbox *inbox, struct inbox_node *node)
{
    __atomic_fetch_add(&inbox->state, INSIDE, __ATOMIC_SEQ_CST);
    push(inbox, node);
    leave(inbox);
}

void inbox_hold(struct inbox *inbox)
{
    inbox_ref(inbox);
    __atomic_fetch_add(&inbox->holders, 1, __ATOMIC_RELAXED);
}

/* A loop that sleeps must learn that nobody is left to wait for. */
void inbox_drop(struct inbox *inbox)
{
    if (enter(inbox)) {
        __atomic_fetch_sub(&inbox->holders, 1, __ATOMIC_RELEASE);
        leave(inbox);
    }
    inbox_unref(inbox);
}

/* --- Spare nodes --- */

/* Nobody waits for the lock: a thread may lose its processor while it has it. */
struct inbox_node *inbox_take_spare(struct inbox *inbox)
{
    if (__atomic_exchange_n(&inbox->spares_locked, 1, __ATOMIC_ACQUIRE))
        return NULL;
    struct inbox_node *node = inbox->spares;
    if (!node)
        node = __atomic_exchange_n(&inbox->returned, NULL, __ATOMIC_ACQUIRE);
    if (node)
        inbox->spares = node->next;
    __atomic_store_n(&inbox->spares_locked, 0, __ATOMIC_RELEASE);
    return node;
}

void inbox_give_spare(struct inbox *inbox, struct inbox_node *node)
{
    node->next = __atomic_load_n(&inbox->returned, __ATOMIC_RELAXED);
    if (!node->next)
        inbox->returned_count = 0;
    if (inbox->returned_count >= INBOX_SPARES) {
        free(node);
        return;
    }
    inbox->returned_count++;
    while (!__atomic_compare_exchange_n(&inbox->returned, &node->next, node, false,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        continue;
}

/* --- The loop's side --- */

struct inbox *inbox_of(struct loop *loop, int *error)
{
    *error = loop->inbox ? 0 : inbox_make(&loop->inbox);
    return loop->inbox;
}

/* The first node, which its owner may have back; NULL if there is none, or a gap behind it. */
static struct inbox_node *pop(struct inbox *inbox)
{
    struct inbox_node *first = inbox->head;
    struct inbox_node *next = __atomic_load_n(&first->next, __ATOMIC_ACQUIRE);
    if (first == &inbox->stub) {
        if (!next)
            return NULL;
        inbox->head = first = next;
        next = __atomic_load_n(&first->next, __ATOMIC_ACQUIRE);
    }
    if (!next && first == __atomic_load_n(&inbox->tail, __ATOMIC_ACQUIRE)) {
        /* It is the last, and as such not to be given away. */
        push(inbox, &inbox->stub);
        next = __atomic_load_n(&first->next, __ATOMIC_ACQUIRE);
    }
    if (next)
        inbox->head = next;
    return next ? first : NULL;
}

static void try_kept(struct loop *loop, struct inbox *inbox)
{
    struct inbox_node *node = inbox->kept;
    inbox->kept = NULL; /* they do not wait for each other */
    for (struct inbox_node *next; node; node = next) {
        next = node->next;
        if (!node->take(loop, node))
            break;
    }
    inbox->kept = node;
    if (!node)
        inbox->kept_end = &inbox->kept;
}

void inbox_take(struct loop *loop, unsigned most)
{
    struct inbox *inbox = loop->inbox;
    try_kept(loop, inbox);
    while (most-- > 0) {
        struct inbox_node *node = pop(inbox);
        if (!node)
            return;
        if (node->take(loop, node))
            continue;
        node->next = NULL;
        *inbox->kept_end = node;
        inbox->kept_end = &node->next;
    }
}

bool inbox_may_bring(const struct inbox *inbox)
{
    return __atomic_load_n(&inbox->holders, __ATOMIC_ACQUIRE) > 0 || inbox->kept ||
           inbox_has_mail(inbox);
}

void inbox_sleep(struct inbox *inbox)
{
    __atomic_fetch_or(&inbox->state, SLEEPING, __ATOMIC_SEQ_CST);
}

void inbox_wake(struct inbox *inbox)
{
    __atomic_fetch_and(&inbox->state, ~SLEEPING, __ATOMIC_SEQ_CST);
}

void inbox_heard(struct inbox *inbox, int32_t result)
{
    inbox->listening = false;
    if (result > 0)
        inbox->wakes += inbox->heard;
}

void inbox_close(struct inbox *inbox)
{
    uint64_t state = __atomic_fetch_or(&inbox->state, CLOSED, __ATOMIC_SEQ_CST);
    while (state & INSIDE_MASK) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = CLOSE_PAUSE}, NULL);
        state = __atomic_load_n(&inbox->state, __ATOMIC_SEQ_CST);
    }
}

void inbox_after_fork(struct inbox *inbox)
{
    __atomic_store_n(&inbox->state, CLOSED, __ATOMIC_SEQ_CST);
}

void inbox_end(struct loop *loop)
{
    struct inbox *inbox = loop->inbox;
    if (!inbox)
        return;
    if (inbox->listening) {
        inbox_sleep(inbox);
        wake(inbox);
    }
    while (inbox->listening) {
        ring_turn(&loop->ring, RING_FOREVER);
        ring_reap(&loop->ring, loop->hooks->complete, loop->hooks->expect, loop);
    }
    loop->inbox = NULL;
    inbox_unref(inbox);
}
