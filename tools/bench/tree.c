/*
 * See tree.h. Sizes are 0 to 16 KiB, spread evenly; there are about 70 files in a directory, and
 * two levels of those. The tree has just been written, so it is read from the page cache, and
 * what waits to be written is written before the first run. A run that copied less than all is a
 * failure and not a figure.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <whorl.h>

#include "clock.h"
#include "fail.h"
#include "progress.h"

enum { FILES_EACH = 67, DIRECTORIES_EACH = 15, SIZES = (16 << 10) + 1, NAME_ROOM = 128 };

static uint64_t directories_for(uint64_t files)
{
    return (files + FILES_EACH - 1) / FILES_EACH;
}

/* Every 16th directory is at the top and holds the 15 before the next. */
static void directory_name(const options *given, uint64_t which, char out[NAME_ROOM])
{
    uint64_t top = which / (DIRECTORIES_EACH + 1), below = which % (DIRECTORIES_EACH + 1);
    int len = snprintf(out, NAME_ROOM, "%s/from/d%llu", given->tree, (unsigned long long)top);
    if (below > 0)
        snprintf(out + len, (size_t)(NAME_ROOM - len), "/s%llu", (unsigned long long)below);
}

/* Spread by a number that has nothing in common with the range. */
static size_t size_of(uint64_t file)
{
    return (size_t)(file * 7919 % SIZES);
}

static uint64_t bytes_of(const options *given)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < given->files; i++)
        total += size_of(i);
    return total;
}

static int make_file(const options *given, uint64_t which, const char *content)
{
    char name[NAME_ROOM * 2], directory[NAME_ROOM];
    directory_name(given, which % directories_for(given->files), directory);
    snprintf(name, sizeof name, "%s/file%llu", directory, (unsigned long long)which);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_call("making a file of the tree", errno);
    ssize_t put = write(fd, content, size_of(which));
    int error = errno;
    close(fd);
    if (put == (ssize_t)size_of(which))
        return 0;
    return fail_call("writing a file of the tree", put < 0 ? error : ENOSPC);
}

static int make_tree(const options *given)
{
    static char content[SIZES];
    char name[NAME_ROOM];
    memset(content, 't', sizeof content);
    snprintf(name, sizeof name, "%s/from", given->tree);
    if (mkdir(name, 0755) != 0)
        return fail_call("making the tree", errno);
    for (uint64_t i = 0; i < directories_for(given->files); i++) {
        directory_name(given, i, name);
        if (mkdir(name, 0755) != 0)
            return fail_call("making a directory of the tree", errno);
    }
    for (uint64_t i = 0; i < given->files; i++)
        if (make_file(given, i, content) != 0)
            return -1;
    return 0;
}

int tree_prepare(options *given)
{
    char path[] = "whorl-bench.XXXXXX";
    progress_show("tree: making the tree");
    if (mkdtemp(path) == NULL)
        return fail("cannot make a temporary directory in the current one: %s; go where you may "
                    "write",
                    strerror(errno));
    given->tree = strdup(path);
    if (given->tree == NULL || make_tree(given) != 0) {
        tree_give_back(given);
        return -1;
    }
    sync();
    return 0;
}

static int remove_entry(const char *path, const struct stat *seen, int kind, struct FTW *walk)
{
    (void)seen, (void)kind, (void)walk;
    return remove(path);
}

void tree_give_back(options *given)
{
    if (given->tree != NULL)
        nftw(given->tree, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(given->tree);
    given->tree = NULL;
}

/* --- Runs --- */

typedef struct trip {
    char from[NAME_ROOM];
    char to[NAME_ROOM];
    int64_t copied; /* ns */
    int64_t removed;
} trip;

static uint64_t found_bytes;

static int count_entry(const char *path, const struct stat *seen, int kind, struct FTW *walk)
{
    (void)path, (void)walk;
    if (kind == FTW_F)
        found_bytes += (uint64_t)seen->st_size;
    return 0;
}

static int check_copy(const options *given, const trip *in)
{
    found_bytes = 0;
    if (nftw(in->to, count_entry, 16, FTW_PHYS) != 0)
        return fail("the copy cannot be looked at: %s", strerror(errno));
    if (found_bytes == bytes_of(given))
        return 0;
    return fail("the copy has %llu bytes and not the %llu that the tree has",
                (unsigned long long)found_bytes, (unsigned long long)bytes_of(given));
}

/* CPU of this process and of its children that have ended. */
static int64_t cpu_of_all(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    int64_t microseconds = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
                           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    return clock_cpu() + microseconds * 1000;
}

/* Copies by one, checks, removes by the other; each gives 0, or -1 with a sentence. */
static int make_trip(const options *given, sample *out, int (*copy)(trip *), int (*take)(trip *))
{
    trip in;
    snprintf(in.from, sizeof in.from, "%s/from", given->tree);
    snprintf(in.to, sizeof in.to, "%s/to", given->tree);
    int64_t cpu = cpu_of_all(), start = clock_now();
    if (copy(&in) != 0)
        return -1;
    sample_rate(out, given->files, clock_now() - start, cpu_of_all() - cpu);
    if (check_copy(given, &in) != 0)
        return -1;
    start = clock_now();
    if (take(&in) != 0)
        return -1;
    out->value[FIGURE_REMOVE_NS] = (double)(clock_now() - start) / (double)given->files;
    return access(in.to, F_OK) != 0 ? 0 : fail("the copy was not removed");
}

static intptr_t copy_main(void *arg)
{
    trip *in = arg;
    return whorl_copy_tree(in->from, in->to, 0, NULL);
}

static intptr_t remove_main(void *arg)
{
    trip *in = arg;
    return whorl_remove_tree(in->to, 0, NULL);
}

static int copy_by_whorl(trip *in)
{
    intptr_t result = whorl_run(copy_main, in);
    return result < 0 ? fail_call("whorl_copy_tree", (long)result) : 0;
}

static int remove_by_whorl(trip *in)
{
    intptr_t result = whorl_run(remove_main, in);
    return result < 0 ? fail_call("whorl_remove_tree", (long)result) : 0;
}

static int run_program(const char *const *words)
{
    int status;
    pid_t pid = vfork();
    if (pid < 0)
        return fail_call("starting a process", errno);
    if (pid == 0) {
        execvp(words[0], (char *const *)words);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) == pid && status == 0)
        return 0;
    return fail("%s failed", words[0]);
}

static int copy_by_cp(trip *in)
{
    return run_program((const char *const[]){"cp", "-r", in->from, in->to, NULL});
}

static int remove_by_rm(trip *in)
{
    return run_program((const char *const[]){"rm", "-rf", in->to, NULL});
}

static int run_whorl(const options *given, sample *out)
{
    return make_trip(given, out, copy_by_whorl, remove_by_whorl);
}

static int run_programs(const options *given, sample *out)
{
    return make_trip(given, out, copy_by_cp, remove_by_rm);
}

const workload tree_workload = {
    .command = COMMAND_TREE,
    .main = FIGURE_NS_PER_OP,
    .ratios_of = {{"copy", FIGURE_NS_PER_OP},
                  {"removal", FIGURE_REMOVE_NS},
                  {"CPU", FIGURE_CPU_NS_PER_OP}},
    .columns = {{"copy", FIGURE_NS_PER_OP, UNIT_NS},
                {"removal", FIGURE_REMOVE_NS, UNIT_NS},
                {"CPU", FIGURE_CPU_NS_PER_OP, UNIT_NS},
                {"files/s", FIGURE_PER_SECOND, UNIT_COUNT}},
    .subjects = {{"whorl", run_whorl, NULL, NULL}, {"cp, rm", run_programs, NULL, NULL}},
    .ratios = {{"whorl", "cp, rm"}},
    .notes =
        {"Times are for a file. CPU is that of the copy; cp -r and rm -rf are processes.",
         "ext4 without a journal passes over names of files removed in the last minutes one by",
         "one where it makes new ones: then that is most of the time, for both."},
};
