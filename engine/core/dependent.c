/* What a task has begun and must not outlive it: see dependent.h. */
#include <assert.h>
#include <core/dependent.h>
#include <core/loop.h>

void dependent_begin(struct task *owner, struct dependent *self)
{
    self->owner = owner;
    self->next = owner->dependents;
    self->link = &owner->dependents;
    if (self->next)
        self->next->link = &self->next;
    owner->dependents = self;
    owner->in_flight++;
}

static void take_out(struct dependent *self)
{
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->link = NULL;
}

void dependent_end(struct dependent *self)
{
    struct task *owner = self->owner;
    if (self->link)
        take_out(self);
    assert(owner->in_flight > 0);
    if (--owner->in_flight == 0 && owner->wait == &abandoned_wait)
        task_wake(owner, 0);
}

void dependents_abandon(struct task *owner)
{
    owner->in_flight++; /* whoever called sees to the wake if all end at once */
    while (owner->dependents) {
        struct dependent *first = owner->dependents;
        take_out(first);
        first->abandon(first);
    }
    owner->in_flight--;
}
