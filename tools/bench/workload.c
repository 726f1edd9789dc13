/*
 * Rounds: every subject once a round, in turn, each in a child process. The order is turned round
 * from one round to the next, so that no subject always runs after the same neighbour.
 */
#include "workload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "progress.h"

/* Beyond the time asked for, what a run may take before it counts as hung. */
enum { RUN_LIMIT_SECONDS = 900 };

static void child(const row *which, sample *out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(RUN_LIMIT_SECONDS + (unsigned)(which->options.seconds / NS_PER_SECOND));
    _exit(which->subject->run(&which->options, out) == 0 ? 0 : 1);
}

static int explain(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return fail("the run did not end in time and was stopped");
    if (WIFSIGNALED(status))
        return fail("the run was killed by signal %d (%s)", WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return fail("the run failed, so there is no result");
    return 0;
}

/* Runs one subject once, in a child that leaves its sample in `shared`. */
static int run_apart(const row *which, sample *shared)
{
    sample_clear(shared);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return fail("cannot start a process: out of processes or memory");
    if (pid == 0)
        child(which, shared);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        return fail("the process of the run is lost");
    return explain(status);
}

void workload_title(const workload *which, char out[TITLE_MAX])
{
    bool is_part = which->part != NULL;
    snprintf(out, TITLE_MAX, "%s%s%s", command_name(which->command), is_part ? ", " : "",
             is_part ? which->part : "");
}

static int run_once(const row *which, const char *title, sample *shared)
{
    if (fail_begin_run(title, which->subject->name) != 0)
        return -1;
    int failed = run_apart(which, shared);
    fail_end_run();
    return failed;
}

static int run_round(outcome *into, sample *shared, size_t round)
{
    char title[TITLE_MAX];
    workload_title(into->workload, title);
    for (size_t i = 0; i < into->count; i++) {
        row *which = &into->rows[round % 2 == 0 ? i : into->count - 1 - i];
        if (which->left_out[0] != '\0')
            continue;
        progress_show("%s: round %zu of %zu, %s", title, round + 1, (size_t)into->options.rounds,
                      which->subject->name);
        if (run_once(which, title, shared) != 0)
            return -1;
        which->series.samples[round] = *shared;
        which->series.rounds = round + 1;
    }
    return 0;
}

static void prepare(outcome *into)
{
    for (const subject *next = into->workload->subjects; next->name != NULL; next++) {
        row *which = &into->rows[into->count++];
        which->subject = next;
        which->options = into->options;
        if (next->missing != NULL && next->missing(&into->options, which->left_out) == 0)
            which->left_out[0] = '\0';
        if (next->adapt != NULL)
            next->adapt(&which->options);
    }
}

static int run_rounds(outcome *into, sample *shared)
{
    int64_t start = clock_now();
    int64_t longest = 0;
    for (size_t round = 0; round < into->options.rounds; round++) {
        int64_t before = clock_now();
        bool is_over = before + longest > start + into->options.budget;
        if (into->options.budget > 0 && round > 0 && is_over)
            break;
        if (run_round(into, shared, round) != 0)
            return -1;
        int64_t took = clock_now() - before;
        longest = took > longest ? took : longest;
    }
    return 0;
}

outcome *workload_run(const workload *which, const options *given)
{
    outcome *made = calloc(1, sizeof *made);
    sample *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made == NULL || shared == MAP_FAILED) {
        fail("no memory for the results of %s", command_name(which->command));
        free(made);
        return NULL;
    }
    made->workload = which;
    made->options = *given;
    prepare(made);
    int failed = run_rounds(made, shared);
    munmap(shared, sizeof *shared);
    progress_clear();
    if (failed == 0)
        return made;
    free(made);
    return NULL;
}
