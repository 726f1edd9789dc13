/* How long to wait before trying again. */
#ifndef GET_RETRY_H
#define GET_RETRY_H

#include <stdint.h>

/* ns before the attempt after number `attempt` (from 1): `first`, and twice as long each time, up
 * to a minute; of that a random part between a half and the whole, so that many who failed together
 * do not come back together. At least `asked`, which the server has asked for. */
int64_t retry_wait(int64_t first, unsigned attempt, int64_t asked, unsigned *jitter);

#endif
