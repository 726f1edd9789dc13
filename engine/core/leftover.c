/* What is left to the loop itself: see leftover.h. */
#include <assert.h>
#include <core/leftover.h>
#include <core/loop.h>
#include <stdlib.h>

void leftover_add(struct loop *loop, struct leftover *self)
{
    self->next = loop->leftovers;
    self->link = &loop->leftovers;
    if (self->next)
        self->next->link = &self->next;
    loop->leftovers = self;
}

void leftover_remove(struct leftover *self)
{
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
}

void leftovers_stop(struct loop *loop)
{
    for (struct leftover *left = loop->leftovers; left; left = left->next)
        left->stop(left);
}

void leftovers_end(struct loop *loop)
{
    assert(loop->ops_in_flight == 0);
    while (loop->leftovers) {
        struct leftover *first = loop->leftovers;
        leftover_remove(first);
        first->end(first);
    }
}

void leftover_bury(struct loop *loop, struct leftover *self, void *memory)
{
    self->memory = memory;
    self->next = loop->buried;
    loop->buried = self;
}

void leftovers_free(struct loop *loop)
{
    while (loop->buried) {
        struct leftover *first = loop->buried;
        loop->buried = first->next;
        free(first->memory);
    }
}
