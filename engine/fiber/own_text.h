/*
 * Whose code an address lies in: the program's own, or such as must not be left in its middle.
 *
 * The latter is the engine's, which may have half changed what the loop stands on, and that of the
 * C library, the dynamic loader, liburing, the unwinder and the sanitizers, which may hold locks
 * that everybody needs (malloc's, a FILE's). The build gathers the engine's code in sections of its
 * own, so that it is told from the program's also where both are one file; where it could not do
 * that, or the C library is part of the program's file too, no code is known to be the program's.
 * Objects that are loaded later count as the program's.
 */
#ifndef FIBER_OWN_TEXT_H
#define FIBER_OWN_TEXT_H

#include <stdbool.h>

/* Looks at what is loaded. Not from a signal handler; under a lock. */
void own_text_look(void);

/* Whether the instruction at `place` is of the program's own. From a signal handler, too. */
bool own_text_has(const void *place);

#endif
