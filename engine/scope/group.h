/*
 * A group: what of it the engine's other rooms may ask for.
 */
#ifndef SCOPE_GROUP_H
#define SCOPE_GROUP_H

#include <core/interrupt.h>

/* Ends a group that its owner's function has left open: its children are cancelled, and the owner
 * has one more in flight until they have ended. */
void group_abandon(struct scope *scope);

#endif
