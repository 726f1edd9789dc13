/*
 * The scopes workload: what structured concurrency costs. It has parts, each a table of its own:
 *
 *   timeout  a timeout scope round an op that completes in time, against the op alone
 *   gather   whorl_gather_calls of trivial calls, against a spawn and a join for each
 *   cancel   tasks that wait for sockets are cancelled and joined; twice as many; by hand
 *   timers   many armed at once: as nested timeout scopes, and the engine's timers alone
 */
#ifndef BENCH_SCOPES_H
#define BENCH_SCOPES_H

#include "workload.h"

/* Part `index`, counted from 0, and NULL behind the last. Sets in `own` what that part does
 * otherwise than asked, and to 0 what does not apply to it. */
const workload *scopes_part(size_t index, options *own);

extern const workload scopes_timeout_workload;
extern const workload scopes_gather_workload;
extern const workload scopes_cancel_workload;
extern const workload scopes_timers_workload;

#endif
