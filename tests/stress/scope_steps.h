/* What the steps of a node do, in the model. */
#ifndef TESTS_STRESS_SCOPE_STEPS_H
#define TESTS_STRESS_SCOPE_STEPS_H

#include "scope_actors.h"

/* The step at hand. */
const struct step *step_of(const struct actor *actor);

/* Begins the step at hand. Returns whether it is over at once, with an outcome. */
bool begin_step(struct model *model, struct actor *actor);

/* The same for a step that waited and whose task has its turn again. */
bool resume_step(struct model *model, struct actor *actor);

/* --- Ways of waiting, or not; each gives whether the step is over --- */

/* It is, with this outcome. */
bool done(struct actor *actor, intptr_t outcome);

/* It is not before others have run. */
bool let_others_run(struct model *model, struct actor *actor, enum wait wait,
                    enum standing standing);

/* It is not before somebody wakes the task. */
bool park(struct actor *actor, enum wait wait);

/* The same as the first, with -ECANCELED, when others have run. */
bool refuse(struct model *model, struct actor *actor);

bool begin_sleep(struct model *model, struct actor *actor, int64_t ns);

/* --- Waiting for ends: in scope_watch.c --- */

bool begin_wait(struct model *model, struct actor *actor, const struct step *step);
bool begin_calls(struct model *model, struct actor *actor, const struct step *step);
bool end_tasks(struct model *model, struct actor *actor);

/* Ends a wait for ends. */
bool settle_watch(struct model *model, struct actor *actor);

/* --- Parts --- */

/* A point in time; WHORL_FOREVER if ns is. */
int64_t time_after(const struct model *model, int64_t ns);

/* Records something that the step at hand gave. */
void record(struct model *model, struct actor *actor, int part, intptr_t result);

/* Opens a block, the innermost. */
void open_block(struct model *model, struct actor *actor, const struct step *step);

/* Spawns a node, into a group if that is not NULL. */
void spawn(struct model *model, int index, struct frame *group, bool eager);

#endif
