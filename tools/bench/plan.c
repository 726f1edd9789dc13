/*
 * See plan.h. A file that the user names is opened while the plan is made, so that it is refused
 * before anything runs; a temporary one is made when its turn comes, and gone after it.
 */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <whorl/log.h>

#include "clock.h"
#include "echo.h"
#include "fail.h"
#include "file.h"
#include "idle.h"
#include "lines.h"
#include "log.h"
#include "progress.h"
#include "read.h"
#include "report.h"
#include "scopes.h"
#include "sendfile.h"
#include "sleepers.h"
#include "spawn.h"
#include "switch.h"
#include "sync.h"
#include "tree.h"
#include "write.h"

enum { BUFFERS_MAX = 1 << 30, SECTOR = 512, MANY_TASKS = 100000 };

static const workload *const workloads[COMMAND_QUICK] = {
    [COMMAND_SWITCH] = &switch_workload,     [COMMAND_SPAWN] = &spawn_workload,
    [COMMAND_SLEEPERS] = &sleepers_workload, [COMMAND_IDLE] = &idle_workload,
    [COMMAND_SENDFILE] = &sendfile_workload, [COMMAND_READ] = &read_workload,
    [COMMAND_WRITE] = &write_workload,       [COMMAND_LOG] = &log_workload,
    [COMMAND_TREE] = &tree_workload,         [COMMAND_LINES] = &lines_workload,
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
    case COMMAND_IDLE:
        return idle_check(given);
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
    if (given->command == COMMAND_READ || given->command == COMMAND_SENDFILE)
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
    assert(to->count < STEPS_MAX);
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
    if (with->command == COMMAND_SCOPES)
        add_parts(to, scopes_part, with);
    else if (with->command == COMMAND_SYNC)
        add_parts(to, sync_part, with);
    else
        add_step(to,
                 with->command == COMMAND_ECHO ? echo_workload_for(with) : workloads[with->command],
                 with);
}

static bool has_file(command which)
{
    return which == COMMAND_READ || which == COMMAND_WRITE || which == COMMAND_LINES ||
           which == COMMAND_SENDFILE;
}

/* Number `index` of a list; of one that is empty, the only one is what the option is anyway. False:
 * there are no more. */
static bool pick(const number_list *list, size_t index, uint64_t *field)
{
    if (index < list->count)
        *field = list->values[index];
    return index < list->count || (index == 0 && list->count == 0);
}

/* A table for each size of each depth of each number of connections, of those that are given and
 * that the workload has. */
static void add_lists(plan *to, const options *with)
{
    options own = *with;
    for (size_t i = 0; pick(&with->connections_list, i, &own.connections); i++)
        for (size_t j = 0; pick(&with->depth_list, j, &own.depth); j++)
            for (size_t k = 0; pick(&with->size_list, k, &own.size); k++)
                add(to, &own);
}

/* Of `all`, the lists of options that the command does not have do not multiply its tables. */
static void drop_lists(options *of)
{
    for (size_t i = 0; i < option_count; i++) {
        const option_entry *entry = &option_table[i];
        if (entry->list != 0 && (entry->parameter >> of->command & 1) == 0)
            *(number_list *)((char *)of + entry->list) = (number_list){0};
    }
}

static void add_command(plan *to, command which, const options *given)
{
    options with = options_for(which, given);
    drop_lists(&with);
    add_lists(to, &with);
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

/* Read and write, each through the page cache and past it. */
static void add_files(plan *to, const options *given)
{
    static const uint64_t depths[] = {1, 8, 64};
    for (int i = 0; i < 4; i++) {
        options with = options_for(i < 2 ? COMMAND_READ : COMMAND_WRITE, given);
        with.rounds = given->rounds;
        with.direct = (uint64_t)i % 2;
        if (with.depth_list.count == 0) {
            with.depth_list.count = sizeof depths / sizeof depths[0];
            memcpy(with.depth_list.values, depths, sizeof depths);
        }
        add_lists(to, &with);
    }
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
    if (has_file(which->options.command) && which->options.file == NULL &&
        file_check_room(&which->options) != 0)
        return FILE_REFUSED;
    return which->options.file != NULL ? prepare_file(&which->options) : FILE_READY;
}

int plan_make(plan *out, const options *given)
{
    *out = (plan){0};
    if (given->command == COMMAND_QUICK)
        add_quick(out, given);
    else if (given->command == COMMAND_FILES)
        add_files(out, given);
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
    uint64_t bytes = given->total != 0 ? given->total : file_size(given->file_fd);
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
