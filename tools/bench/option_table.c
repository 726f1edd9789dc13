/*
 * The tables of subcommands and options, and the defaults of each subcommand. Everything that
 * parses, refuses, explains or reports an option reads them.
 *
 * Where a run is cheap to start, many short rounds: whatever else the machine does for a moment
 * then spoils a few ratios and not a good part of each, and the median leaves those out.
 */
#include "options.h"

#include <string.h>

#define IN(which) (1u << COMMAND_##which)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define SECOND UINT64_C(1000000000)

enum {
    EVERY = (1u << COMMAND_COUNT) - 1,
    MEASURING = EVERY & ~IN(FEATURES),
    OF_FILES = IN(READ) | IN(WRITE),
    OF_CONNECTIONS = IN(ECHO) | IN(IDLE),
    SIZED = OF_FILES | IN(ECHO) | IN(LOG) | IN(SENDFILE),
    TASKS = IN(SWITCH) | IN(SPAWN) | IN(SLEEPERS) | IN(SCOPES),
    TIMED = IN(SWITCH) | IN(SPAWN) | IN(SCOPES) | IN(SYNC) | IN(ECHO) | IN(READ) | IN(LOG) |
            IN(SENDFILE),
};

#define ENTRY(field, value_kind, taken, carried, low, high, shown, text)                           \
    {                                                                                              \
        .name = #field, .offset = offsetof(options, field), .kind = value_kind, .commands = taken, \
        .parameter = carried, .minimum = low, .maximum = high, .value = shown, .help = text        \
    }

/* One that takes several, with commas; each is shown as `each`. */
#define LIST(field, value_kind, taken, carried, low, high, each, text)                             \
    {                                                                                              \
        .name = #field, .offset = offsetof(options, field),                                        \
        .list = offsetof(options, field##_list), .kind = value_kind, .commands = taken,            \
        .parameter = carried, .minimum = low, .maximum = high, .value = each "[," each "]...",     \
        .help = text                                                                               \
    }

const option_entry option_table[] = {
    LIST(connections, OPTION_NUMBER, OF_CONNECTIONS | IN(ALL), OF_CONNECTIONS, 1, 1000000, "N",
         "connections: each with one message in flight (echo), or all idle (idle);\n"
         "a table for each number"),
    LIST(depth, OPTION_NUMBER, OF_FILES | IN(LOG) | IN(FILES) | IN(ALL), OF_FILES | IN(LOG), 1,
         4096, "N", "operations in flight, or writers of a log; a table for each"),
    LIST(size, OPTION_BYTES, SIZED, SIZED, 1, GIB(1), "BYTES",
         "bytes of a message, of one read or write, of a record, or of a piece sent;\n"
         "a table for each"),
    ENTRY(total, OPTION_BYTES, IN(WRITE) | IN(LINES) | IN(FILES), IN(WRITE) | IN(LINES), 1,
          GIB(1024), "BYTES", "bytes written a run, or of the temporary file of lines"),
    ENTRY(tasks, OPTION_NUMBER, TASKS, TASKS, 1, 10000000, "N",
          "tasks: that yield (switch), that live beside (spawn), that sleep (sleepers),\n"
          "that are cancelled (scopes)"),
    ENTRY(timers, OPTION_NUMBER, IN(SCOPES), IN(SCOPES), 1, 100000000, "N", "timers armed at once"),
    ENTRY(files, OPTION_NUMBER, IN(TREE), IN(TREE), 1, 10000000, "N", "files of the tree"),
    ENTRY(seconds, OPTION_SECONDS, TIMED | IN(FILES) | IN(ALL), TIMED, SECOND / 100, 3600 * SECOND,
          "S", "measured seconds of each run, such as 0.5"),
    ENTRY(rounds, OPTION_NUMBER, MEASURING, 0, 1, 1000, "N",
          "rounds; each runs every subject once"),
    ENTRY(file, OPTION_TEXT, OF_FILES | IN(LINES) | IN(SENDFILE) | IN(ALL),
          OF_FILES | IN(LINES) | IN(SENDFILE), 0, 0, "FILE",
          "the file: read from it, or OVERWRITE it with write; default a temporary one\n"
          "in the current directory (all uses it for reading only)"),
    ENTRY(direct, OPTION_FLAG, OF_FILES | IN(ALL), OF_FILES, 0, 0, NULL,
          "open with O_DIRECT, past the page cache"),
    ENTRY(stream, OPTION_FLAG, IN(ECHO), IN(ECHO), 0, 0, NULL,
          "a server on streams (whorl-stream), beside the few that it is to be compared with"),
    ENTRY(listen, OPTION_TEXT, IN(ECHO), 0, 0, 0, "[HOST:]PORT",
          "be the server alone, until killed; port 0 takes any free one"),
    ENTRY(subject, OPTION_TEXT, IN(ECHO), 0, 0, 0, "NAME",
          "with --listen: whorl (default), whorl-stream, liburing-oneshot, liburing, epoll\n"
          "or threads"),
    ENTRY(connect, OPTION_TEXT, IN(ECHO), IN(ECHO), 0, 0, "[HOST:]PORT",
          "be the load generator alone, against a server that is there"),
    ENTRY(json, OPTION_TEXT, EVERY, 0, 0, 0, "FILE",
          "write the results to FILE as JSON; - is stdout, then without tables"),
};

const size_t option_count = sizeof option_table / sizeof option_table[0];

static const struct {
    const char *name;
    const char *summary;
    options defaults;
} commands[COMMAND_COUNT] = {
    [COMMAND_SWITCH] = {"switch",
                        "ns of a yield, from task to task through the scheduler",
                        {.tasks = 2, .seconds = SECOND / 4, .rounds = 5}},
    [COMMAND_SPAWN] = {"spawn",
                       "ns to spawn a task and join it, while others live",
                       {.tasks = 1000, .seconds = SECOND / 4, .rounds = 5}},
    [COMMAND_SLEEPERS] = {"sleepers",
                          "resident bytes of a sleeping task, ns to start and to cancel it",
                          {.tasks = 1000000, .rounds = 3}},
    [COMMAND_SCOPES] = {"scopes",
                        "ns of timeout scopes, gathering, cancel and timers",
                        {.tasks = 10000, .timers = 1000000, .seconds = SECOND / 4, .rounds = 5}},
    [COMMAND_SYNC] = {"sync",
                      "ns of locks, queues, channels, and of calls between threads and tasks",
                      {.seconds = SECOND / 4, .rounds = 5}},
    [COMMAND_ECHO] = {"echo",
                      "an echo server over TCP: its CPU a message, messages a second, latency",
                      {.connections = 64, .size = 64, .seconds = SECOND * 3 / 10, .rounds = 15}},
    [COMMAND_IDLE] = {"idle",
                      "resident bytes of an idle connection with its task",
                      {.connections = 4000, .rounds = 3}},
    [COMMAND_SENDFILE] =
        {"sendfile",
         "a cached file sent over TCP, and its CPU",
         {.size = MIB(1), .seconds = SECOND / 2, .rounds = 5, .file_made = MIB(64)}},
    [COMMAND_READ] = {"read",
                      "random reads from a file, cached or O_DIRECT",
                      {.depth = 64, .size = KIB(4), .seconds = SECOND * 3 / 10, .rounds = 15}},
    [COMMAND_WRITE] = {"write",
                       "a file written from start to end, then fsync",
                       {.depth = 32, .size = KIB(64), .total = MIB(256), .rounds = 15}},
    [COMMAND_LOG] = {"log",
                     "records on the disk a second: a write-ahead log with many writers",
                     {.depth = 64, .size = 128, .seconds = SECOND, .rounds = 5}},
    [COMMAND_TREE] = {"tree",
                      "a tree of small files copied and removed, beside cp and rm",
                      {.files = 20000, .rounds = 5}},
    [COMMAND_LINES] = {"lines",
                       "a cached file of text read line by line",
                       {.size = MIB(1), .total = GIB(1), .rounds = 5}},
    [COMMAND_QUICK] = {"quick",
                       "a little of each in under a minute; sizes are small and stated",
                       {.rounds = 5}},
    [COMMAND_FILES] = {"files",
                       "read and write, cached and O_DIRECT, at depths 1, 8 and 64",
                       {.rounds = 15}},
    [COMMAND_ALL] = {"all", "each workload in turn, at its default sizes", {0}},
    [COMMAND_FEATURES] = {"features",
                          "what this kernel has for the engine, and what is done without",
                          {0}},
};

const char *command_name(command which)
{
    return commands[which].name;
}

const char *command_summary(command which)
{
    return commands[which].summary;
}

bool option_given(const options *from, const char *name)
{
    for (size_t i = 0; i < option_count; i++)
        if (strcmp(option_table[i].name, name) == 0)
            return (from->given >> i & 1) != 0;
    return false;
}

bool option_applies(const options *from, const option_entry *entry)
{
    if ((entry->parameter >> from->command & 1) == 0)
        return false;
    return entry->kind == OPTION_TEXT || entry->kind == OPTION_FLAG ||
           option_number(from, entry) != 0;
}

uint64_t option_number(const options *from, const option_entry *entry)
{
    return *(const uint64_t *)((const char *)from + entry->offset);
}

const char *option_text(const options *from, const option_entry *entry)
{
    return *(const char *const *)((const char *)from + entry->offset);
}

options options_for(command which, const options *from)
{
    options made = commands[which].defaults;
    made.command = which;
    made.file_fd = -1;
    made.given = from->given;
    made.connections_list = from->connections_list;
    made.depth_list = from->depth_list;
    made.size_list = from->size_list;
    for (size_t i = 0; i < option_count; i++) {
        const option_entry *entry = &option_table[i];
        if ((from->given >> i & 1) == 0)
            continue;
        size_t length = entry->kind == OPTION_TEXT ? sizeof(char *) : sizeof(uint64_t);
        memcpy((char *)&made + entry->offset, (const char *)from + entry->offset, length);
    }
    return made;
}
