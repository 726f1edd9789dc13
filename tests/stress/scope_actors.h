/*
 * The model's tasks, and what they do to each other: verdicts over open scopes, cancels, groups,
 * and waits for ends. What the steps of a node do stands above that, in scope_steps.h.
 */
#ifndef TESTS_STRESS_SCOPE_ACTORS_H
#define TESTS_STRESS_SCOPE_ACTORS_H

#include "scope_order.h"
#include "scope_tree.h"

enum state { UNBORN, READY, RUNNING, WAITING, ENDED };

/* What a task waits for, or has waited for when it is ready. */
enum wait {
    WAIT_NONE,  /* for others to run; the outcome is known */
    WAIT_YIELD, /* for others to run */
    WAIT_SLEEP, /* for its alarm */
    WAIT_WATCH, /* for the ends that `watch` tells of */
    WAIT_ROOM,  /* to spawn into the group `room` */
    WAIT_GROUP, /* for the end of its innermost group's children, in whorl_group_wait */
    WAIT_LEFT,  /* for that of a group left open; or between handlers: its function has returned */
};

/* An open block. */
struct frame {
    enum step_kind kind;
    int owner;
    bool over;           /* timeout, shield: it has run out; group: aborted or cancelled */
    bool closing;        /* group: its owner waits for its end */
    bool body_cancelled; /* not by the group itself */
    bool cut;            /* the children were cancelled because the owner is */
    bool cut_short;      /* and one of them ended with -ECANCELED after that */
    int live;
    intptr_t error; /* the first */
};

/* Tasks whose ends are waited for. */
struct watch {
    int tasks[BLOCK_TASKS + 1];
    int count;
    enum finish finish;
    const struct step *wait; /* a STEP_WAIT; NULL: `finish` tells */
    int winner;              /* -1: none yet */
    intptr_t error;          /* the first */
    bool rest_cancelled;
    bool time_is_up; /* of a STEP_WAIT */
    bool cut;        /* because the caller was cancelled */
    bool cut_short;  /* and one of them ended with -ECANCELED after that */
};

struct actor {
    int index;
    const struct node *node;
    struct trace *trace;
    enum state state;
    enum wait wait;
    bool cancelled;
    bool has_handle; /* someone was given it */
    bool handle_gone;
    intptr_t outcome; /* of the step at hand */
    intptr_t result;
    int64_t ended_at;
    uint64_t end_number;
    struct cursor at;
    struct frame frames[NODE_BLOCKS];
    int depth;
    struct frame *family; /* the group whose child it is */
    struct watch watch;
    struct frame *room;
    uint64_t room_number; /* its place in the line for room */
    int handlers[NODE_STEPS];
    int handler_count;
    int handler; /* the step whose handler runs; -1: none does */
};

struct model {
    const struct tree *tree;
    struct order order;
    struct actor actors[TREE_NODES];
    uint64_t ends;
    uint64_t rooms;
    int deliveries[TREE_NODES]; /* whose waits a cancel is to end */
    int delivery_count;
    bool delivering;
};

/* Has a task run until it waits; in scope_model.c. */
void give_turn(struct model *model, struct actor *actor);

/* Whether the waits of the task give -ECANCELED. */
bool is_interrupted(const struct actor *actor);

/* Has a waiting task run again. */
void wake(struct model *model, struct actor *actor, enum standing standing);

/* Ends the wait of a task, or sees to it that it will end, if it has become interrupted. */
void judge(struct model *model, struct actor *actor);

/* Sets the level, and judges. A task that has not begun may end right here. */
void cancel(struct model *model, struct actor *actor);

/* Passes the cancel of a task, or its limit, on to those for whose ends it waits. */
void pass_on(struct model *model, struct actor *actor);

/* The end of a task, and all who are told of it. */
void end_task(struct model *model, struct actor *actor, intptr_t result);

/* Aborts or cancels a group; nothing the second time. */
void group_close(struct model *model, struct frame *group);

/* Takes in what a child or the body came to: an error aborts the group. */
void group_take(struct model *model, struct frame *group, intptr_t result);

/* Who is to spawn into the group next, of those who wait for room; NULL if nobody waits. */
struct actor *first_in_line(struct model *model, const struct frame *group);

/* How many live may when the task's step, a STEP_LIMITED, spawns. */
int limit_of(const struct actor *actor);

/* Lets the first who waits for room have his turn, if there is any. */
void admit(struct model *model, const struct frame *group);

/* Cancels all that are watched; in scope_watch.c, as the next. */
void cancel_watched(struct model *model, struct watch *watch);

/* Tells one who waits for ends of that of a task. */
void watch_tell(struct model *model, struct actor *actor, int task);

#endif
