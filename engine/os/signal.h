/* What is left of the waits for signals when a run ends: see signal.c. */
#ifndef OS_SIGNAL_H
#define OS_SIGNAL_H

#include <core/loop.h>

/* Closes the descriptor, if tasks still wait that will never go on: the run was left. */
void signals_end(struct loop *loop);

#endif
