/*
 * Trials: what a test framework needs to run its tests as tasks. For those who write an adapter;
 * whorl/test.h is one, for cmocka.
 *
 *     whorl_trial_begin(&trial);
 *     failed = whorl_trial_run(&trial, test, arg);     once, or for set-up and tear-down too
 *     failed |= whorl_trial_end(&trial);
 *
 * Each of these is called on one thread, outside of tasks. A framework whose assertions jump out of
 * the test, and so out of whorl_trial_run, calls whorl_trial_left where it lands; also if it cannot
 * tell whether there was such a jump.
 */
#ifndef WHORL_TRIAL_H
#define WHORL_TRIAL_H

#include <whorl/base.h>
#include <whorl/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One test. The first fields are set by the caller, and stay until the end; the others 0. */
typedef struct whorl_trial {
    const char *name;    /* of the test: for sentences, and the main tasks' name */
    whorl_config config; /* of its runs; name and limit are the trial's */
    int64_t limit;       /* ns of real time for each run, whatever its clock; 0: 10 s;
                            WHORL_FOREVER: none */
    char complaint[512]; /* what was wrong: a sentence, cut at the array's end */
    void *engine[4];     /* the engine's */
} whorl_trial;

/* Begins: notes which descriptors are open. From here to the end a SIGPIPE or SIGXFSZ that would
 * kill the process is taken instead, as a jump out of a run may set one free. */
WHORL_API void whorl_trial_begin(whorl_trial *trial);

/* Runs fn(arg) as the main task of a run of its own. Its result is not looked at.
 * Returns 0; or 1, with the complaint set: it did not end in time, the run came to a deadlock or
 * could not begin; or fn has returned and left operations of its own in flight or a scope open; or
 * other tasks live when what it has deferred has run. Not those that were cancelled before they
 * began, and whose handles were given back, as whorl_call_cancel does.
 * When the limit is reached all tasks are cancelled. A run that has not ended when it has taken
 * twice its limit is told of on stderr, and the process is aborted. */
WHORL_API int whorl_trial_run(whorl_trial *trial, whorl_fn *fn, void *arg);

/* Ends a run that was left by a jump, as whorl_run_abandon does; where none was, nothing. Returns
 * 0; or 1, with the complaint set: it was left after its limit or a deadlock,
 * and perhaps for that. */
WHORL_API int whorl_trial_left(whorl_trial *trial);

/* Ends the trial. Returns 0; or 1, with the complaint set: it has left descriptors open. */
WHORL_API int whorl_trial_end(whorl_trial *trial);

#ifdef __cplusplus
}
#endif

#endif
