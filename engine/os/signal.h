/* Waiting for signals, as the end of a loop sees it. */
#ifndef OS_SIGNAL_H
#define OS_SIGNAL_H

#include <core/loop.h>

/* Closes the descriptor of a loop that was left while tasks waited for signals, whose poll has
 * ended. Where nobody waits there is none. */
void signals_end(struct loop *loop);

#endif
