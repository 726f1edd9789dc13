/*
 * The part `cancel` of scopes: the table, and what its subjects share. A run repeats until
 * --seconds have been measured; a first repetition, in which memory is touched, is not counted.
 */
#include "scopes_cancel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "fail.h"
#include "scopes.h"

enum { DESCRIPTORS_BESIDE = 32 };

int silent_open(silent_sockets *out, uint64_t count)
{
    *out = (silent_sockets){count, malloc(count * sizeof *out->fds)};
    if (out->fds == NULL)
        return fail("no memory for %llu sockets", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++) {
        out->fds[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (out->fds[i] < 0)
            return fail_call("making a socket", errno);
    }
    return 0;
}

void cancel_fill(sample *out, uint64_t tasks, const cancel_times *from)
{
    sample_rate(out, tasks * from->repetitions, from->elapsed, from->cpu);
    out->value[FIGURE_TOTAL_NS] = (double)from->elapsed / (double)from->repetitions;
}

static int descriptors_fit(const options *given, char reason[REASON_MAX])
{
    struct rlimit files;
    unsigned long long limit = 0;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        limit = files.rlim_cur;
    if (given->tasks + DESCRIPTORS_BESIDE <= limit)
        return 0;
    snprintf(reason, REASON_MAX,
             "--tasks %llu needs more descriptors, one for each, than the %llu that a process may "
             "have: give at most %llu, or raise the limit (ulimit -Hn)",
             (unsigned long long)given->tasks, limit,
             limit > DESCRIPTORS_BESIDE ? limit - DESCRIPTORS_BESIDE : 0);
    return -1;
}

static void take_half(options *own)
{
    own->tasks = (own->tasks + 1) / 2;
}

const workload scopes_cancel_workload = {
    .command = COMMAND_SCOPES,
    .part = "cancel",
    .fit = descriptors_fit,
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"a task", FIGURE_NS_PER_OP}, {"in all", FIGURE_TOTAL_NS}},
    .columns = {{"a task", FIGURE_NS_PER_OP, UNIT_NS},
                {"in all", FIGURE_TOTAL_NS, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS}},
    .subjects = {{"whorl", cancel_run_whorl, NULL, NULL},
                 {"whorl-half", cancel_run_whorl, NULL, take_half},
                 {"liburing", cancel_run_liburing, NULL, NULL},
                 {"liburing-half", cancel_run_liburing, NULL, take_half}},
    .ratios = {{"whorl", "whorl-half"}, {"liburing", "liburing-half"}, {"whorl", "liburing"}},
    .notes = {"From the first cancel until the last task has been joined. half: of half the tasks.",
              "liburing: as many recv operations, no task, cancelled by hand."},
};
