/*
 * See plan.h. A file that the user names is opened while the plan is made, so that it is refused
 * before anything runs; a temporary one is made when its turn comes, and gone after it.
 */
#include "plan.h"

#include <stdlib.h>
#include <whorl/log.h>

#include "clock.h"
#include "echo.h"
#include "fail.h"
#include "file.h"
#include "lines.h"
#include "log.h"
#include "progress.h"
#include "read.h"
#include "report.h"
#include "scopes.h"
#include "sleepers.h"
#include "spawn.h"
#include "switch.h"
#include "sync.h"
#include "tree.h"
#include "write.h"

enum { BUFFERS_MAX = 1 << 30, SECTOR = 512, MANY_TASKS = 100000 };

static const workload *const workloads[COMMAND_QUICK] = {
    [COMMAND_SWITCH] = &switch_workload,     [COMMAND_SPAWN] = &spawn_workload,
    [COMMAND_SLEEPERS] = &sleepers_workload, [COMMAND_ECHO] = &echo_workload,
    [COMMAND_READ] = &read_workload,         [COMMAND_WRITE] = &write_workload,
    [COMMAND_LOG] = &log_workload,           [COMMAND_TREE] = &tree_workload,
    [COMMAND_LINES] = &lines_workload,
};

/* quick: what it runs, and the seconds that each may take before it starts no further round. */
static const struct {
    command command;
    uint64_t tasks;
    uint64_t milliseconds; /* measured in each run */
    int64_t budget;        /* seconds; where there are parts, for each */
} quick_steps[] = {
    {COMMAND_ECHO, 0, 400, 14},  {COMMAND_READ, 0, 250, 10},    {COMMAND_WRITE, 0, 0, 12},
    {COMMAND_LINES, 0, 0, 4},    {COMMAND_LOG, 0, 100, 3},      {COMMAND_TREE, 0, 0, 4},
    {COMMAND_SWITCH, 2, 150, 4}, {COMMAND_SPAWN, 1000, 150, 4}, {COMMAND_SCOPES, 2000, 50, 1},
    {COMMAND_SYNC, 0, 30, 1},
};

enum { QUICK_FILE = 64 << 20, QUICK_TIMERS = 100000, QUICK_FILES = 2000 };

static int check_blocks(const options *given)
{
    const char *which = command_name(given->command);
    if (given->direct != 0 && given->size % SECTOR != 0)
        return fail("--size %llu with --direct cannot be: O_DIRECT moves whole sectors, so give %s "
                    "a multiple of %d",
                    (unsigned long long)given->size, which, SECTOR);
    if (given->direct != 0 && given->command == COMMAND_WRITE && given->total % SECTOR != 0)
        return fail("--total %llu with --direct cannot be: O_DIRECT moves whole sectors, so give a "
                    "multiple of %d",
                    (unsigned long long)given->total, SECTOR);
    if (given->size * given->depth <= BUFFERS_MAX)
        return 0;
    return fail("--depth %llu times --size %llu is more than a GiB of buffers: lower one of them",
                (unsigned long long)given->depth, (unsigned long long)given->size);
}

static int check_records(const options *given)
{
    if (given->size <= WHORL_LOG_RECORD_MAX)
        return 0;
    return fail("--size %llu cannot be: a record has at most %llu bytes, so give no more",
                (unsigned long long)given->size, (unsigned long long)WHORL_LOG_RECORD_MAX);
}

static int check_tasks(const options *given)
{
    char reason[REASON_MAX];
    if (given->tasks <= MANY_TASKS || sleepers_fit(given, reason) == 0)
        return 0;
    return fail("%s", reason);
}

static int step_fit(const step *which, char reason[REASON_MAX])
{
    const workload *from = which->workload;
    return from->fit != NULL ? from->fit(&which->options, reason) : 0;
}

static int check(const step *which)
{
    const options *given = &which->options;
    char reason[REASON_MAX];
    if (step_fit(which, reason) != 0)
        return fail("%s", reason);
    switch (given->command) {
    case COMMAND_ECHO:
        return echo_check(given);
    case COMMAND_READ:
    case COMMAND_WRITE:
        return check_blocks(given);
    case COMMAND_LOG:
        return check_records(given);
    default:
        return check_tasks(given);
    }
}

static int prepare_file(options *given)
{
    if (given->command == COMMAND_READ)
        return file_prepare_read(given);
    if (given->command == COMMAND_TREE)
        return tree_prepare(given) == 0 ? FILE_READY : FILE_FAILED;
    if (given->command == COMMAND_LINES)
        return file_prepare_lines(given);
    return given->command == COMMAND_WRITE ? file_prepare_write(given) : FILE_READY;
}

static void give_back(options *given)
{
    file_give_back(given);
    tree_give_back(given);
}

static void add_step(plan *to, const workload *which, const options *with)
{
    to->steps[to->count++] = (step){.workload = which, .options = *with};
}

/* The parts of a workload: part `index`, or NULL behind the last, and what it changes in `own`. */
typedef const workload *part_of(size_t index, options *own);

static void add_parts(plan *to, part_of *part, const options *with)
{
    options own = *with;
    const workload *next;
    for (size_t i = 0; (next = part(i, &own)) != NULL; i++, own = *with)
        add_step(to, next, &own);
}

static void add(plan *to, const options *with)
{
    bool is_load_alone = with->command == COMMAND_ECHO && with->connect != NULL;
    if (with->command == COMMAND_SCOPES)
        add_parts(to, scopes_part, with);
    else if (with->command == COMMAND_SYNC)
        add_parts(to, sync_part, with);
    else
        add_step(to, is_load_alone ? &echo_connect_workload : workloads[with->command], with);
}

static void add_command(plan *to, command which, const options *given)
{
    options with = options_for(which, given);
    add(to, &with);
    if (which != COMMAND_SWITCH || option_given(given, "tasks"))
        return;
    with.tasks = 1000;
    add(to, &with);
}

static void add_all(plan *to, const options *given)
{
    options no_file = *given;
    no_file.file = NULL;
    for (command which = COMMAND_SWITCH; which < COMMAND_QUICK; which++)
        add_command(to, which, which == COMMAND_READ ? given : &no_file);
}

static void add_quick(plan *to, const options *given)
{
    for (size_t i = 0; i < sizeof quick_steps / sizeof quick_steps[0]; i++) {
        options with = options_for(quick_steps[i].command, given);
        with.rounds = given->rounds;
        with.tasks = quick_steps[i].tasks;
        with.seconds = quick_steps[i].milliseconds * 1000000;
        with.budget = quick_steps[i].budget * NS_PER_SECOND;
        with.total = with.total != 0 ? QUICK_FILE : 0;
        with.timers = with.timers != 0 ? QUICK_TIMERS : 0;
        with.files = with.files != 0 ? QUICK_FILES : 0;
        with.file_made = QUICK_FILE;
        add(to, &with);
    }
}

/* What must hold before anything runs. 0, or an exit status. */
static int judge(step *which)
{
    char reason[REASON_MAX];
    bool is_out = which->may_be_left_out && step_fit(which, reason) != 0;
    if (!is_out && check(which) != 0)
        return FILE_REFUSED;
    command what = which->options.command;
    bool has_file = what == COMMAND_READ || what == COMMAND_WRITE || what == COMMAND_LINES;
    if (has_file && which->options.file == NULL && file_check_room(&which->options) != 0)
        return FILE_REFUSED;
    return which->options.file != NULL ? prepare_file(&which->options) : FILE_READY;
}

int plan_make(plan *out, const options *given)
{
    *out = (plan){0};
    if (given->command == COMMAND_QUICK)
        add_quick(out, given);
    else if (given->command == COMMAND_ALL)
        add_all(out, given);
    else
        add_command(out, given->command, given);
    int status = FILE_READY;
    for (size_t i = 0; i < out->count && status == FILE_READY; i++) {
        out->steps[i].may_be_left_out = given->command >= COMMAND_QUICK;
        status = judge(&out->steps[i]);
    }
    progress_clear();
    if (status != FILE_READY)
        plan_drop(out);
    return status;
}

void plan_drop(plan *in)
{
    for (size_t i = 0; i < in->count; i++)
        give_back(&in->steps[i].options);
}

static void note_file(FILE *tables, const options *given)
{
    if (given->file_fd < 0 || given->file_is_named)
        return;
    uint64_t bytes = given->command == COMMAND_READ ? file_size(given->file_fd) : given->total;
    report_line(tables,
                "  The file is a temporary one of %.6g MiB in the current directory; it is removed "
                "again.",
                (double)bytes / (1 << 20));
}

static int run_step(step *which, FILE *tables, json *rows)
{
    char reason[REASON_MAX], title[TITLE_MAX];
    if (which->may_be_left_out && step_fit(which, reason) != 0) {
        workload_title(which->workload, title);
        report_line(tables, "\n%s is left out: %s.", title, reason);
        return FILE_READY;
    }
    int status = which->options.file == NULL ? prepare_file(&which->options) : FILE_READY;
    if (status != FILE_READY)
        return status;
    outcome *made = workload_run(which->workload, &which->options);
    if (made == NULL)
        return FILE_FAILED;
    report_outcome(tables, made);
    note_file(tables, &which->options);
    if (rows != NULL)
        json_outcome(rows, made);
    free(made);
    return FILE_READY;
}

int plan_run(plan *in, FILE *tables, json *rows)
{
    int status = FILE_READY;
    for (size_t i = 0; i < in->count && status == FILE_READY; i++) {
        status = run_step(&in->steps[i], tables, rows);
        give_back(&in->steps[i].options);
    }
    plan_drop(in);
    return status;
}
