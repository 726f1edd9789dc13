/*
 * To whom a buffered file belongs, and what becomes of it when nobody closes it: tasks that hand it
 * on and end, two at once, the end of the run, and that of the process.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "as_task.h"
#include "core/child.h"
#include "core/forbid.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PIECE = 1000, PIECES = 2000 };

/* --- From task to task --- */

static intptr_t write_piece(void *arg)
{
    char piece[PIECE];
    memset(piece, 'p', sizeof piece);
    return whorl_file_write(arg, piece, sizeof piece);
}

static intptr_t read_piece(void *arg)
{
    char piece[PIECE];
    return whorl_file_read(arg, piece, sizeof piece);
}

/* Each piece by a task of its own, that ends with writes behind it, or reads ahead, in flight. */
static void a_file_goes_from_task_to_task(void **state)
{
    (void)state;
    test_path path = path_of("file");
    whorl_file_options options = {.buffer_size = 3000, .depth = 4};
    whorl_file *file;
    assert_int_equal(whorl_file_open(path.text, O_RDWR | O_CREAT, &options, &file), 0);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(whorl_join(whorl_spawn(write_piece, file)), PIECE);
    assert_int_equal(whorl_file_seek(file, 0, SEEK_SET), 0);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(whorl_join(whorl_spawn(read_piece, file)), PIECE);
    assert_int_equal(whorl_join(whorl_spawn(read_piece, file)), 0);
    assert_int_equal(whorl_file_close(file), 0);
}

static void a_second_task_is_refused_while_one_waits(void **state)
{
    (void)state;
    char byte;
    pair both = pipe_pair();
    whorl_file *file;
    assert_int_equal(whorl_file_from_fd(both.ends[0], NULL, &file), 0);
    whorl_task *reader = whorl_spawn(read_piece, file);
    assert_int_equal(whorl_yield(), 0);
    assert_int_equal(whorl_file_read(file, &byte, 1), -EBUSY);
    assert_int_equal(whorl_file_read_line(file, &(whorl_line){0}), -EBUSY);
    assert_int_equal(whorl_file_flush(file), -EBUSY);
    assert_int_equal(whorl_file_tell(file), -EBUSY);
    assert_int_equal(whorl_file_close(file), -EBUSY);
    assert_int_equal(write(both.ends[1], "text", 4), 4);
    assert_int_equal(whorl_join(reader), 4);
    assert_int_equal(whorl_file_close(file), 0);
    close(both.ends[1]);
}

static intptr_t close_it(void *arg)
{
    return whorl_file_close(arg);
}

static void a_second_task_is_refused_while_one_closes(void **state)
{
    (void)state;
    char byte;
    pair both = pipe_pair();
    whorl_file *file;
    assert_int_equal(whorl_file_from_fd(both.ends[0], NULL, &file), 0);
    whorl_task *closer = whorl_spawn_with(&(whorl_spawn_options){.eager = true}, close_it, file);
    assert_int_equal(whorl_is_done(closer), 0);
    assert_int_equal(whorl_file_read(file, &byte, 1), -EBUSY);
    assert_int_equal(whorl_file_close(file), -EBUSY);
    assert_int_equal(whorl_join(closer), 0);
    close(both.ends[1]);
}

/* --- At the run's end --- */

struct left {
    test_path path;
    int flags;
    int fd;
};

static intptr_t leave_open(void *arg)
{
    struct left *left = arg;
    whorl_file_options options = {.buffer_size = 4096, .depth = 4};
    whorl_file *file;
    int error = whorl_file_open(left->path.text, O_RDWR | O_CREAT | left->flags, &options, &file);
    if (error)
        return error;
    left->fd = whorl_file_fd(file);
    for (int i = 0; i < 100; i++)
        write_piece(file);
    return 0;
}

static void assert_left_is_whole(struct left *left)
{
    struct stat status;
    assert_false(is_open(left->fd));
    assert_int_equal(stat(left->path.text, &status), 0);
    assert_int_equal(status.st_size, 100 * PIECE);
}

static void what_nobody_closes_is_written_at_the_end_of_the_run(void **state)
{
    (void)state;
    static const int flags[] = {0, O_APPEND, O_DIRECT, O_DIRECT | O_APPEND};
    for (size_t i = 0; i < count_of(flags); i++) {
        struct left left = {.path = path_of("file"), .flags = flags[i]};
        intptr_t result = run(leave_open, &left);
        if (result == -EINVAL && (flags[i] & O_DIRECT))
            continue;
        assert_int_equal(result, 0);
        assert_left_is_whole(&left);
        unlink(left.path.text);
    }
}

static intptr_t leave_reading(void *arg)
{
    struct left *left = arg;
    whorl_file_options options = {.buffer_size = 4096, .depth = 8};
    whorl_file *file;
    int error = whorl_file_open(left->path.text, O_RDONLY | left->flags, &options, &file);
    left->fd = whorl_file_fd(file);
    for (int i = 0; i < 20 && !error; i++)
        check_equal(read_piece(file), PIECE);
    return error;
}

static void what_was_read_ahead_is_awaited_at_the_end_of_the_run(void **state)
{
    (void)state;
    struct left left = {.path = path_of("file")};
    assert_int_equal(run(leave_open, &left), 0);
    assert_int_equal(run(leave_reading, &left), 0);
    assert_false(is_open(left.fd));
}

static jmp_buf away;

static intptr_t leave_by_a_jump(void *arg)
{
    leave_open(arg);
    longjmp(away, 1);
}

static void a_run_that_is_left_by_a_jump_writes_it_too(void **state)
{
    (void)state;
    static struct left left;
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer's longjmp finds no way out of a fiber");
    left = (struct left){.path = path_of("file")};
    if (setjmp(away) == 0)
        whorl_run(leave_by_a_jump, &left);
    assert_int_equal(whorl_run_abandon(), -ECANCELED);
    assert_left_is_whole(&left);
}

/* Amid a write past the page cache, for which space is reserved now and then: none stays. */
struct writing {
    test_path path;
    int64_t pause; /* before the jump */
    bool seeks;    /* on and on, over what nobody writes */
    whorl_file *file;
};

static intptr_t write_on(void *arg)
{
    static char data[300000];
    const struct writing *writing = arg;
    memset(data, 'x', sizeof data);
    for (int i = 0; i < 40; i++) {
        if (writing->seeks && i > 0)
            whorl_file_seek(writing->file, 1 << 20, SEEK_CUR);
        if (whorl_file_write(writing->file, data, sizeof data) < 0)
            return -EIO;
    }
    return 0;
}

static intptr_t leave_amid_a_write(void *arg)
{
    struct writing *writing = arg;
    whorl_file_options options = {.buffer_size = 65536, .depth = 4};
    int error = whorl_file_open(writing->path.text, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, &options,
                                &writing->file);
    if (error)
        return error;
    whorl_spawn(write_on, writing);
    whorl_sleep(writing->pause);
    longjmp(away, 1);
}

static void a_file_that_is_left_amid_a_write_is_no_larger_than_what_was_written(void **state)
{
    (void)state;
    static struct writing writing;
    static int turn;
    if (UNDER_THREAD_SANITIZER)
        skip_because("the thread sanitizer's longjmp finds no way out of a fiber");
    writing = (struct writing){.path = path_of("file")};
    for (turn = 0; turn < 300; turn++) {
        char last = 'x';
        struct stat status;
        writing.seeks = turn % 2 != 0;
        writing.pause = turn / 2 * WHORL_US(15);
        if (setjmp(away) == 0) {
            assert_int_equal(whorl_run(leave_amid_a_write, &writing), -EINVAL);
            skip_because("the file system has no O_DIRECT");
        }
        assert_int_equal(whorl_run_abandon(), -ECANCELED);
        int fd = open(writing.path.text, O_RDONLY | O_CLOEXEC);
        assert_int_equal(fstat(fd, &status), 0);
        if (status.st_size > 0)
            assert_int_equal(pread(fd, &last, 1, status.st_size - 1), 1);
        close(fd);
        assert_int_equal(last, 'x');
    }
}

static intptr_t leave_stream(void *arg)
{
    char *room = calloc(1, 200000);
    whorl_file *file;
    check_equal(whorl_file_from_fd(((pair *)arg)->ends[1], NULL, &file), 0);
    check_equal(whorl_file_write(file, room, 200000), 200000);
    check_equal(whorl_file_write(file, room, 100000), 100000);
    free(room);
    return whorl_sleep(WHORL_MS(1));
}

static int leave_a_stream(void *arg)
{
    pair both = pipe_pair();
    (void)arg;
    check_equal(whorl_run(leave_stream, &both), 0);
    check(!is_open(both.ends[1]));
    close(both.ends[0]);
    return 0;
}

static void what_a_stream_did_not_take_is_dropped_and_told(void **state)
{
    (void)state;
    struct child child;
    assert_int_equal(child_run(leave_a_stream, NULL, &child), 0);
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "a file was left open at the end of the run"));
    assert_non_null(strstr(child.text, "bytes that were written to it are lost: it is a stream"));
}

static int leave_a_full_one(void *arg)
{
    struct left *left = arg;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 50 * PIECE, .rlim_max = 50 * PIECE};
    check_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_equal(whorl_run(leave_open, left), 0);
    check(!is_open(left->fd));
    return 0;
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    static const int flags[] = {0, O_APPEND};
    for (size_t i = 0; i < count_of(flags); i++) {
        struct child child;
        struct stat status;
        struct left left = {.path = path_of("file"), .flags = flags[i]};
        assert_int_equal(child_run(leave_a_full_one, &left, &child), 0);
        assert_true(child_exited(&child, 0));
        assert_non_null(strstr(child.text, "lost: File too large"));
        assert_int_equal(stat(left.path.text, &status), 0);
        assert_int_equal(status.st_size, 50 * PIECE);
        unlink(left.path.text);
    }
}

/* Space was reserved behind what was written. The exit status: what the run gave. */
static int leave_one_that_cannot_be_cut(void *arg)
{
    struct left *left = arg;
    int before = open_descriptors();
    check_equal(forbid_call(SYS_ftruncate, EIO), 0);
    intptr_t result = whorl_run(leave_open, left);
    check_equal(open_descriptors(), before);
    return (int)-result;
}

static void a_size_that_cannot_be_set_back_is_told(void **state)
{
    (void)state;
    struct child child;
    struct stat status;
    struct left left = {.path = path_of("file"), .flags = O_DIRECT};
    assert_int_equal(child_run(leave_one_that_cannot_be_cut, &left, &child), 0);
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == EINVAL)
        skip_because("the file system has no O_DIRECT");
    assert_true(child_exited(&child, 0));
    assert_non_null(strstr(child.text, "its size is too large: Input/output error"));
    assert_int_equal(stat(left.path.text, &status), 0);
    assert_true(status.st_size > 100 * PIECE);
}

/* --- By a kill --- */

enum { SYNCED = 4 << 20, BEHIND = 2 << 20 };

struct doomed {
    const char *path;
    int exact_size;
    int written; /* a pipe: a byte when all was */
};

/* Writes, and waits to be killed. Its result, where there is no O_DIRECT. */
static intptr_t write_and_wait(void *arg)
{
    struct doomed *doomed = arg;
    whorl_file_options options = {.exact_size = doomed->exact_size};
    whorl_file *file;
    char *data = malloc(SYNCED);
    memset(data, 'd', SYNCED);
    int error =
        whorl_file_open(doomed->path, O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, &options, &file);
    if (error)
        return error;
    check_equal(whorl_file_write(file, data, SYNCED), SYNCED);
    check_equal(whorl_file_sync(file), 0);
    check_equal(whorl_file_write(file, data, BEHIND), BEHIND);
    check_equal(write(doomed->written, "w", 1), 1);
    return whorl_sleep(WHORL_SECONDS(CHILD_SECONDS));
}

/* Has a child write and be killed. False: there is no O_DIRECT here. */
static bool write_and_kill(const char *path, int exact_size)
{
    pair both = pipe_pair();
    struct doomed doomed = {.path = path, .exact_size = exact_size, .written = both.ends[1]};
    char byte;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        close(both.ends[0]);
        _exit(whorl_run(write_and_wait, &doomed) == -EINVAL ? 0 : 1);
    }
    close(both.ends[1]);
    both.ends[1] = -1;
    bool is_written = read(both.ends[0], &byte, 1) == 1;
    assert_int_equal(kill(pid, is_written ? SIGKILL : 0), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(is_written || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    close_pair(&both);
    return is_written;
}

static bool all_are(const char *data, size_t len, char byte)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != byte)
            return false;
    return true;
}

static void a_kill_leaves_what_was_synced_and_zeros_only_behind_what_was_written(void **state)
{
    (void)state;
    enum { ROOM = 128 << 20 };
    test_path path = path_of("direct");
    char *data = malloc(ROOM);
    for (int exact_size = 0; exact_size < 2; exact_size++) {
        if (!write_and_kill(path.text, exact_size)) {
            free(data);
            skip_because("the file system has no O_DIRECT");
        }
        ssize_t size = read_whole(path.text, data, ROOM);
        assert_true(size >= SYNCED);
        assert_true(all_are(data, SYNCED, 'd'));
        assert_int_equal(size > SYNCED + BEHIND, !exact_size);
        if (exact_size)
            assert_int_equal(data[size - 1], 'd');
        else
            assert_true(all_are(data + SYNCED + BEHIND, (size_t)size - SYNCED - BEHIND, '\0'));
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        as_task(a_file_goes_from_task_to_task),
        as_task(a_second_task_is_refused_while_one_waits),
        as_task(a_second_task_is_refused_while_one_closes),
        behaviour(what_nobody_closes_is_written_at_the_end_of_the_run),
        behaviour(what_was_read_ahead_is_awaited_at_the_end_of_the_run),
        behaviour(a_run_that_is_left_by_a_jump_writes_it_too),
        behaviour(a_file_that_is_left_amid_a_write_is_no_larger_than_what_was_written),
        behaviour(what_a_stream_did_not_take_is_dropped_and_told),
        behaviour(what_cannot_be_written_is_told),
        behaviour(a_size_that_cannot_be_set_back_is_told),
        behaviour(a_kill_leaves_what_was_synced_and_zeros_only_behind_what_was_written),
    };
    return run_behaviours("file_end", tests);
}
