/*
 * whorl_write_file in a process that is killed at any moment: the file holds one generation of its
 * content, the last that was acknowledged or the one after it, and opens as such for whoever looks
 * meanwhile.
 *
 * SIGKILL shows that no moment leaves a mixture for other processes, nor behind a dead one. It
 * cannot show what a loss of power would leave on the disk; that what is on the disk before the
 * name changes hands is shown by the order of the system calls, in test_write_file_order.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/child.h"
#include "fs/small_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fs/replacement.h>
#include <fs/whole_file.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES_MOST = 3 << 20, GROWTH = 40503 };

struct header {
    uint64_t generation;
    uint64_t size;
    uint64_t sum; /* of the words behind the header */
};

static test_path path, here;
static uint64_t content[BYTES_MOST / 8 + 16];

/* Small and large ones follow each other; bytes, whole words. */
static size_t size_of(uint64_t generation)
{
    size_t size = generation % 3 == 0 ? (generation * GROWTH) % BYTES_MOST : generation * 64 % 9000;
    return sizeof(struct header) + size / 8 * 8;
}

static size_t make_content(uint64_t generation)
{
    struct header *header = (struct header *)content;
    header->generation = generation;
    header->size = size_of(generation);
    size_t words = (header->size - sizeof *header) / 8;
    uint64_t *word = content + sizeof *header / 8;
    fill_pattern(word, words * 8, generation);
    header->sum = 0;
    for (size_t i = 0; i < words; i++)
        header->sum += word[i] * (i + 1);
    return header->size;
}

/* The generation that a file holds whole; 0 and a failed check if it holds none. */
static uint64_t generation_of(const char *name)
{
    const struct header *header = (const struct header *)content;
    ssize_t got = read_whole(name, content, sizeof content);
    if (!check(got >= (ssize_t)sizeof *header) || !check_equal(header->size, got))
        return 0;
    const uint64_t *word = content + sizeof *header / 8;
    uint64_t sum = 0;
    for (size_t i = 0; i < ((size_t)got - sizeof *header) / 8; i++)
        sum += word[i] * (i + 1);
    return check(sum == header->sum) ? header->generation : 0;
}

/* --- The process that is killed --- */

struct writer {
    uint64_t next;    /* generation */
    unsigned flags;   /* REPLACEMENT_NAMED */
    int acknowledged; /* a pipe: each generation that is written */
};

static intptr_t write_generations(void *arg)
{
    const struct writer *writer = arg;
    static const whorl_write_options options;
    for (uint64_t generation = writer->next;; generation++) {
        size_t size = make_content(generation);
        int result = write_file_with(path.text, content, size, &options, writer->flags);
        if (result != 0)
            return result;
        if (write(writer->acknowledged, &generation, sizeof generation) != sizeof generation)
            return -EIO;
    }
}

static pid_t start_writer(const struct writer *writer)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        whorl_run(write_generations, (void *)writer);
        _exit(1);
    }
    return pid;
}

/* The last generation in the pipe; `last` if there is none. */
static uint64_t last_acknowledged(int fd, uint64_t last)
{
    uint64_t generation;
    while (read(fd, &generation, sizeof generation) == sizeof generation)
        last = generation;
    return last;
}

/* Removes the names that a kill has left; gives how many, and fails for any other. */
static int remove_stale(void)
{
    int count = 0;
    DIR *stream = opendir(here.text);
    check(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (strncmp(entry->d_name, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) != 0)
            continue;
        check_equal(unlinkat(dirfd(stream), entry->d_name, 0), 0);
        count++;
    }
    closedir(stream);
    return count;
}

/* Lets a writer begin after `last`, kills it `pause` ns after its first acknowledgement, or earlier
 * still; gives the generation that the file holds then. */
static uint64_t kill_one(uint64_t last, unsigned flags, long pause, bool at_once)
{
    pair both = pipe_pair();
    struct writer writer = {.next = last + 1, .flags = flags, .acknowledged = both.ends[1]};
    pid_t pid = start_writer(&writer);
    close(both.ends[1]);
    both.ends[1] = -1;
    uint64_t acknowledged = last;
    if (!at_once && read(both.ends[0], &acknowledged, sizeof acknowledged) != sizeof acknowledged)
        check_failed("the writer has ended by itself");
    nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    check(generation_of(path.text) >= acknowledged);
    check_equal(kill(pid, SIGKILL), 0);
    int status;
    check_equal(waitpid(pid, &status, 0), pid);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    acknowledged = last_acknowledged(both.ends[0], acknowledged);
    close_pair(&both);
    uint64_t held = generation_of(path.text);
    if (held != acknowledged && held != acknowledged + 1)
        check_failed("generation %ju was acknowledged, and %ju is there", (uintmax_t)acknowledged,
                     (uintmax_t)held);
    return held;
}

static void kill_many(unsigned flags, int *stale)
{
    enum { KILLS = ROUNDS_OF(200) };
    random_source random = random_from_seed(flags + 1);
    uint64_t first = 1, last = 1;
    path = path_of("file");
    here = path_of("");
    size_t size = make_content(first);
    write_whole(path.text, content, size);
    *stale = 0;
    int unwritten = 0;
    for (long i = 0; i < test_rounds(KILLS) && failed_checks() == 0; i++) {
        uint64_t before = last;
        last = kill_one(last, flags, (long)random_below(&random, 8000000), i % 10 == 0);
        *stale += remove_stale();
        unwritten += last == before;
        check_equal(names_in(here.text), 1);
    }
    printf("%ld kills, over %ju generations; %d before the first, %d names left behind\n",
           test_rounds(KILLS), (uintmax_t)(last - first), unwritten, *stale);
}

static void a_kill_at_any_moment_leaves_the_old_file_or_the_new(void **state)
{
    (void)state;
    int stale;
    kill_many(0, &stale);
}

static void so_does_a_kill_where_files_have_a_name_from_the_first(void **state)
{
    (void)state;
    int stale;
    kill_many(REPLACEMENT_NAMED, &stale);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(a_kill_at_any_moment_leaves_the_old_file_or_the_new),
        behaviour(so_does_a_kill_where_files_have_a_name_from_the_first),
    };
    return run_behaviours("write_file_kill", tests);
}
