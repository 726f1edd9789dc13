/*
 * A group, as the files of this room see it, and what of it the engine's other rooms may ask for.
 * Its states are told in group.c.
 */
#ifndef SCOPE_GROUP_H
#define SCOPE_GROUP_H

#include <core/interrupt.h>

struct spawner; /* a task that waits for room */

/* Lies in the whorl_group, which is the caller's. */
struct group {
    struct scope scope; /* first: the scope is the group */
    struct kinship *children;
    size_t live;
    size_t promised;          /* spawners that were woken and have not run */
    struct spawner *spawners; /* the first is the next to get room */
    struct spawner **spawners_end;
    struct kinship *failed; /* in the order of time */
    struct kinship **failed_end;
    size_t failures;
    size_t failures_before_body; /* if the body failed: how many came first */
    int body_error;
    int error;     /* the first */
    bool shut;     /* nobody is spawned any more */
    bool waiting;  /* the owner is in whorl_group_wait */
    bool cut;      /* shut because the owner was cancelled */
    bool lost;     /* and a child ended with -ECANCELED for it */
    bool returned; /* the owner's function has returned without a wait */
} __attribute__((may_alias));

/* Ends a group that its owner's function has left open: its children are cancelled, and the owner
 * has one more in flight until they have ended. */
void group_abandon(struct scope *scope);

/* 0, or why the caller cannot deal with the group. */
int group_place_error(const struct loop *loop, const struct group *group);

/* Tells the owner, if he is to be told, that nothing is left. */
void group_tell_owner(struct group *group);

/* --- group_room.c --- */

/* Promises what room there is to those who wait for it. After a child's end. */
void group_promise_room(struct group *group);

/* Those who wait for room get -ESHUTDOWN. */
void group_turn_spawners_away(struct group *group);

#endif
