/* Timers: see timers.h. */
#include <assert.h>
#include <core/timers.h>
#include <stddef.h>

static bool before(const struct timer *a, const struct timer *b)
{
    return a->deadline < b->deadline || (a->deadline == b->deadline && a->order < b->order);
}

/* Makes the later of two roots the first child of the earlier, which it returns with next and link
 * unset. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (before(b, a)) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    b->link = &a->child;
    if (b->next)
        b->next->link = &b->next;
    a->child = b;
    return a;
}

/* Melds a list of siblings into one root: in pairs from the left, then the pairs from the right.
 * The pairs are kept in a list that `next` links backwards. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL;
    while (first) {
        struct timer *second = first->next;
        struct timer *rest = second ? second->next : NULL;
        struct timer *pair = second ? meld(first, second) : first;
        pair->next = pairs;
        pairs = pair;
        first = rest;
    }
    struct timer *root = pairs;
    if (!root)
        return NULL;
    pairs = root->next;
    while (pairs) {
        struct timer *rest = pairs->next;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void timer_arm(struct timers *timers, struct timer *timer, int64_t deadline)
{
    assert(!timer_is_armed(timer));
    timer->deadline = deadline;
    timer->order = timers->order++;
    timer->child = NULL;
    struct timer **heap = timers->expiring ? &timers->later : &timers->root;
    struct timer *root = *heap ? meld(*heap, timer) : timer;
    root->next = NULL;
    root->link = heap;
    *heap = root;
}

void timer_disarm(struct timers *timers, struct timer *timer)
{
    assert(timer_is_armed(timer));
    (void)timers;
    /* What lay below takes its place: none of it is earlier. */
    struct timer *heir = meld_siblings(timer->child);
    struct timer *next = timer->next;
    if (heir) {
        heir->next = next;
        heir->link = timer->link;
        if (next)
            next->link = &heir->next;
        next = heir;
    } else if (next) {
        next->link = timer->link;
    }
    *timer->link = next;
    timer->link = NULL;
}

void timers_expire(struct timers *timers, int64_t now)
{
    assert(!timers->expiring);
    timers->expiring = true;
    while (timers->root && timers->root->deadline <= now) {
        struct timer *timer = timers->root;
        timer_disarm(timers, timer);
        timer->fire(timer);
    }
    timers->expiring = false;
    struct timer *later = timers->later;
    if (later) {
        timers->later = NULL;
        timers->root = timers->root ? meld(timers->root, later) : later;
        timers->root->next = NULL;
        timers->root->link = &timers->root;
    }
}
