/*
 * --help, for the whole and for each subcommand. Options, their defaults and their lines come from
 * the option table; only what a subcommand does is told here.
 */
#include <inttypes.h>

#include "options.h"

static const char *const details[COMMAND_COUNT] = {
    [COMMAND_SWITCH] =
        "Tasks yield to each other: two of them, then 1000 (or --tasks alone). Beside whorl:\n"
        "bare, a jump between stacks with no scheduler, and ucontext, swapcontext(3).\n",
    [COMMAND_SPAWN] =
        "One task is spawned and joined, over and over, while --tasks others are asleep.\n"
        "Beside whorl: threads, pthread_create(3) and pthread_join(3), with as many threads\n"
        "asleep, 2000 at most.\n",
    [COMMAND_SLEEPERS] =
        "--tasks tasks fall asleep, each on a stack with a guard; then they are cancelled and\n"
        "joined. Beside whorl: threads, 2000 at most.\n",
    [COMMAND_SCOPES] =
        "Four tables. timeout: what a timeout scope adds to an op that completes within it (at\n"
        "most 30 ns), beside the op's own timeout. gather: whorl_gather_calls of 1000 trivial\n"
        "calls (at most 150 ns a task), beside a spawn and a join of each. cancel: --tasks\n"
        "tasks, each waiting in whorl_recv on a socket of its own, are cancelled and joined (at\n"
        "most 2 us a task, for half of them as for all), beside the same by hand. timers:\n"
        "--timers of them, armed and removed (at most 150 ns each), as nested timeout scopes\n"
        "and, with their expiry, as the engine has them.\n",
    [COMMAND_SYNC] =
        "Four tables. lock: a mutex or a semaphore that nobody else wants, taken and given back\n"
        "(at most 10 ns), beside pthread_mutex_t. hand: an item from task to task, through a\n"
        "queue or a channel (at most 60 ns) or by a generator, beside two threads and a bounded\n"
        "queue. post: a call from another thread to a loop that is busy (at most 200 ns), beside\n"
        "a list with a mutex and beside an eventfd. thread: whorl_to_thread, there and back (at\n"
        "most 1.5 times as long as by hand), beside two threads and two conditions.\n",
    [COMMAND_ECHO] =
        "The server runs in a process of its own on the first processor, the load generator on\n"
        "the second. Each connection sends a message, waits until it has come back, checks it,\n"
        "and sends the next. CPU a message is the server's, with its kernel workers.\n"
        "Beside whorl: liburing-oneshot, the same one-shot recv and send by hand; liburing,\n"
        "multishot recv and provided buffers; epoll; threads, one a connection, left out above\n"
        "1000 connections. With --stream only: whorl-stream, on whorl_stream (CPU a message at\n"
        "most 1.05 times liburing's), whorl, liburing and epoll.\n",
    [COMMAND_IDLE] =
        "--connections pairs of sockets, each with a task that serves one end; it has had a\n"
        "message and has sent it back, and waits for the next. whorl-stream: on a stream (at most\n"
        "6 KiB each). Beside it: whorl, the same on whorl_recv and whorl_send.\n",
    [COMMAND_SENDFILE] =
        "A file is sent in pieces of --size, one after the other, to a process on the second\n"
        "processor that throws them away. whorl: whorl_sendfile. Beside it: whorl-thread,\n"
        "sendfile(2) by whorl_to_thread; and by one thread that blocks, read-send, pread(2) and\n"
        "send(2) with 64 KiB, and sendfile, sendfile(2). The cache is warmed first. Default file:\n"
        "64 MiB, made in the current directory and removed at the end.\n",
    [COMMAND_READ] =
        "Random reads with --depth in flight from one thread. whorl: a task for each;\n"
        "whorl-gather: one task and whorl_gather_ops; whorl-registered: with registered file\n"
        "and buffers. Beside them: liburing and liburing-registered by hand, and threads, one\n"
        "for each read in flight, 64 at most. The cache is warmed first, but with --direct.\n"
        "Default file: 256 MiB, made in the current directory and removed at the end.\n",
    [COMMAND_WRITE] =
        "--total bytes in pieces of --size, --depth of them in flight, then fsync; the file is\n"
        "emptied before each run. A FILE named with --file is OVERWRITTEN; one that was not\n"
        "there before is removed afterwards. whorl: a task for each piece in flight. Beside\n"
        "it: liburing by hand, and threads, a pool that writes with pwrite(2), 64 at most. The\n"
        "speed includes the fsync.\n"
        "With --direct, on ext4 among others, a write that extends the file holds its lock until\n"
        "the disk has done, so that they go one by one, whoever writes them: whorl, liburing,\n"
        "threads, and liburing-polled, a ring that polls the disk. whorl-prealloc calls\n"
        "whorl_fallocate first, and all its writes are under way at once; so does\n"
        "liburing-prealloc by hand, to compare the same work. With one write in flight there is\n"
        "nothing to win by it, and the end of each costs one more thread of the kernel its turn.\n",
    [COMMAND_LOG] =
        "--depth writers, each with one record of --size bytes in flight, for --seconds; a\n"
        "record counts once it is on the disk. whorl: the writers append to one whorl_log, which\n"
        "commits together what waits (at least 10 times as many as by hand). Beside it: each,\n"
        "the same tasks, each with a write and an fdatasync for itself, which the kernel merges\n"
        "as well as it can; hand, one such pair after the other by one thread; hand-ahead, the\n"
        "same in a file that is written ahead with zeros; hand-group, such a file, and one pair\n"
        "for the records of all writers at once: the most that this disk gives to any log. The\n"
        "file is a temporary one in the current directory.\n",
    [COMMAND_TREE] =
        "A tree of --files files of 0 to 16 KiB, 67 a directory, is copied, and the copy removed,\n"
        "by whorl_copy_tree and whorl_remove_tree; beside them cp -r and rm -rf. The tree is made\n"
        "in the current directory, is in the page cache, and is removed at the end.\n",
    [COMMAND_LINES] =
        "A file of text, with lines of 0 to 119 bytes at random, is read line by line by\n"
        "whorl_file_read_line; beside it: stdio, getline(3). The cache is warmed first. Default\n"
        "file: --total bytes, made in the current directory and removed at the end.\n",
    [COMMAND_QUICK] =
        "echo (64 connections), read, write and lines (a file of 64 MiB), log, tree (2000 files),\n"
        "switch (2 tasks), spawn, scopes (2000 tasks, 100000 timers) and sync, with short runs,\n"
        "and with fewer rounds where the machine is slow. It needs about 200 MiB of disk in the\n"
        "current directory while it runs.\n",
    [COMMAND_FILES] =
        "Twelve tables, or four for each --depth given: see read and write for what they show. It\n"
        "takes some minutes, and about 1.5 GiB of disk in the current directory.\n",
    [COMMAND_ALL] =
        "Everything, one workload after the other. It takes some minutes, 6 GiB of memory for\n"
        "the sleepers (left out with less) and 1.5 GiB of disk.\n",
    [COMMAND_FEATURES] =
        "Measures nothing. Two tables: the features of io_uring that a loop uses here; and every\n"
        "operation: its opcode (or that a thread makes the system call), the Linux that brought\n"
        "it, whether this one has it, what is done without it, and the calls that come to it.\n",
};

static void print_value(FILE *out, const option_entry *entry, uint64_t value)
{
    if (entry->kind == OPTION_SECONDS)
        fprintf(out, " (default %g)", (double)value / 1e9);
    else if (entry->kind == OPTION_BYTES && value >= 1 << 30 && value % (1 << 30) == 0)
        fprintf(out, " (default %" PRIu64 "G)", value >> 30);
    else if (entry->kind == OPTION_BYTES && value >= 1 << 10 && value % (1 << 10) == 0)
        fprintf(out, " (default %" PRIu64 "K)", value >> 10);
    else
        fprintf(out, " (default %" PRIu64 ")", value);
}

static void print_option(FILE *out, const option_entry *entry, const options *defaults)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", entry->name, entry->value != NULL ? " " : "",
             entry->value != NULL ? entry->value : "");
    fprintf(out, "  %-22s ", left);
    for (const char *at = entry->help; *at != '\0'; at++) {
        fputc(*at, out);
        if (*at == '\n')
            fprintf(out, "%25s", "");
    }
    bool is_number = entry->kind != OPTION_TEXT && entry->kind != OPTION_FLAG;
    if (is_number && option_number(defaults, entry) != 0)
        print_value(out, entry, option_number(defaults, entry));
    fputc('\n', out);
}

static void print_general(FILE *out)
{
    fputs("whorl-bench measures whorl and, in the same run, what one would write without it.\n\n"
          "Usage: whorl-bench SUBCOMMAND [OPTION]...\n\nSubcommands:\n",
          out);
    for (command which = 0; which < COMMAND_COUNT; which++)
        fprintf(out, "  %-10s %s\n", command_name(which), command_summary(which));
    fputs("\nwhorl-bench SUBCOMMAND --help tells a subcommand's options; --version the version.\n"
          "\nEvery subject runs once a round. The tables show the median over the rounds, and the\n"
          "spread: the width of the middle half, from quartile to quartile, as a part of the\n"
          "median. Ratios are taken within each round; their median is shown, and in brackets the\n"
          "middle half. --json has the medians, rounds, and that spread (0.1 for 10 %).\n"
          "\nExit status: 0 done; 1 a run failed; 2 the arguments make no sense.\n",
          out);
}

void help_print(FILE *out, command which)
{
    if (which == COMMAND_COUNT) {
        print_general(out);
        return;
    }
    options nothing = {0};
    options defaults = options_for(which, &nothing);
    fprintf(out, "whorl-bench %s: %s.\n\n%s\nUsage: whorl-bench %s [OPTION]...\n\nOptions:\n",
            command_name(which), command_summary(which), details[which], command_name(which));
    for (size_t i = 0; i < option_count; i++)
        if ((option_table[i].commands >> which & 1) != 0)
            print_option(out, &option_table[i], &defaults);
    fprintf(out, "  %-22s this text\n  %-22s the version\n", "--help", "--version");
}
