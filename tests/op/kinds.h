/*
 * The kinds of op that test_cancel.c stops, one row each; scene.h tells what a row holds. First the
 * scenes of ops that need not wait.
 */
#ifndef TESTS_OP_KINDS_H
#define TESTS_OP_KINDS_H

#include "op/scene.h"

#include <sys/wait.h>

/* Each of these works on a file of four bytes, at ends[0]. */

static inline void make_scene_file(scene *one)
{
    one->path = path_of("file");
    write_whole(one->path.text, "text", 4);
    one->both = (pair){{open(one->path.text, O_RDWR | O_CLOEXEC), -1}};
}

static inline long file_size(scene *one)
{
    struct stat status;
    check_equal(fstat(one->both.ends[0], &status), 0);
    return status.st_size;
}

/* A child that ends at a byte at ends[0]. A kernel that cannot wait for it has a read of that byte
 * instead, which is a kind of its own already. */
static inline void make_waitid(scene *one)
{
    one->both = pipe_pair();
    if (!(whorl_features() & WHORL_FEATURE_OP_WAITID)) {
        one->op = whorl_op_read(one->both.ends[0], one->buf, 1);
        return;
    }
    one->child = fork();
    if (one->child == 0) {
        ssize_t got = read(one->both.ends[0], one->buf, 1);
        _exit(got == 1 ? 7 : 1);
    }
    one->op = whorl_op_waitid(P_PID, one->child, &one->end, WEXITED);
}

/* Whether the child has been reaped by the op; if not, reaps it. */
static inline long effect_waitid(scene *one)
{
    int status;
    if (one->child == 0)
        return one->op.result >= 0;
    if (waitpid(one->child, &status, 0) == one->child)
        return 0;
    check_equal(one->end.si_pid, one->child);
    check_equal(one->end.si_code, CLD_EXITED);
    check_equal(one->end.si_status, 7);
    return 1;
}

static inline void make_nop(scene *one)
{
    one->both = (pair){{-1, -1}};
    one->op = whorl_op_nop();
}

static inline void make_file_read(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_read(one->both.ends[0], one->buf, PIECE);
}

static inline long effect_file_read(scene *one)
{
    off_t position = lseek(one->both.ends[0], 0, SEEK_CUR);
    check_equal(one->buf[0], position == 4 ? 't' : 0);
    return position;
}

static inline void make_file_write(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_pwrite(one->both.ends[0], one->buf, PIECE, 4);
}

static inline long effect_file_write(scene *one)
{
    return file_size(one) - 4;
}

static inline void make_fsync(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_fsync(one->both.ends[0]);
}

static inline void make_fallocate(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_fallocate(one->both.ends[0], 0, 0, 100);
}

static inline void make_ftruncate(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_ftruncate(one->both.ends[0], 100);
}

static inline long effect_size(scene *one)
{
    return file_size(one) == 100;
}

static inline void make_statx(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_statx(-1, one->path.text, 0, STATX_SIZE, &one->status);
}

static inline long effect_statx(scene *one)
{
    return one->status.stx_size == 4;
}

static inline void make_mkdir(scene *one)
{
    one->path = path_of("made");
    one->both = (pair){{-1, -1}};
    one->op = whorl_op_mkdirat(-1, one->path.text, 0700);
}

static inline long effect_exists(scene *one)
{
    return access(one->path.text, F_OK) == 0;
}

static inline void make_unlink(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_unlinkat(-1, one->path.text, 0);
}

static inline long effect_gone(scene *one)
{
    return access(one->path.text, F_OK) != 0;
}

static inline void make_open(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_openat(-1, one->path.text, O_RDONLY | O_CLOEXEC, 0);
}

static inline void make_close(scene *one)
{
    one->both = (pair){{open("/dev/null", O_RDONLY | O_CLOEXEC), -1}};
    one->op = whorl_op_close(one->both.ends[0]);
}

static inline long effect_closed(scene *one)
{
    bool closed = !is_open(one->both.ends[0]);
    if (closed)
        one->both.ends[0] = -1;
    return closed;
}

static inline void make_socket(scene *one)
{
    one->both = (pair){{-1, -1}};
    one->op = whorl_op_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static const kind kinds[] = {
    {"read", true, make_read, allow_read, effect_read, expect_once, clean_pair},
    {"readv", true, make_readv, allow_read, effect_read, expect_once, clean_pair},
    {"recv", true, make_recv, allow_read, effect_read, expect_once, clean_pair},
    {"recvmsg", true, make_recvmsg, allow_read, effect_read, expect_once, clean_pair},
    {"poll", true, make_poll, allow_read, effect_unmeasured, expect_once, clean_pair},
    {"write", true, make_write, allow_write, effect_write, expect_count, clean_pair},
    {"writev", true, make_writev, allow_write, effect_write, expect_count, clean_pair},
    {"send", true, make_send, allow_write, effect_write, expect_count, clean_pair},
    {"sendmsg", true, make_sendmsg, allow_write, effect_write, expect_count, clean_pair},
    {"accept", true, make_accept, allow_accept, effect_accept, expect_once, clean_pair},
    {"event", true, make_event_read, allow_event_read, effect_event_read, expect_once, clean_pair},
    {"waitid", true, make_waitid, allow_read, effect_waitid, expect_once, clean_pair},
    {"fifo", false, make_open_fifo, allow_open_fifo, effect_open, expect_once, clean_path},
    {"nop", false, make_nop, allow_nothing, effect_unmeasured, expect_once, clean_pair},
    {"pread", false, make_file_read, allow_nothing, effect_file_read, expect_count, clean_path},
    {"pwrite", false, make_file_write, allow_nothing, effect_file_write, expect_count, clean_path},
    {"fsync", false, make_fsync, allow_nothing, effect_unmeasured, expect_once, clean_path},
    {"fallocate", false, make_fallocate, allow_nothing, effect_size, expect_once, clean_path},
    {"ftruncate", false, make_ftruncate, allow_nothing, effect_size, expect_once, clean_path},
    {"statx", false, make_statx, allow_nothing, effect_statx, expect_once, clean_path},
    {"mkdirat", false, make_mkdir, allow_nothing, effect_exists, expect_once, clean_path},
    {"unlinkat", false, make_unlink, allow_nothing, effect_gone, expect_once, clean_path},
    {"openat", false, make_open, allow_nothing, effect_open, expect_once, clean_path},
    {"close", false, make_close, allow_nothing, effect_closed, expect_once, clean_pair},
    {"socket", false, make_socket, allow_nothing, effect_open, expect_once, clean_pair},
};

/* Waits for seconds, as the kernel repeats its asking, and so is no row of the table. */
static const kind waiting_connect = {"connect",         true,        make_connect, allow_nothing,
                                     effect_unmeasured, expect_once, clean_connect};

#endif
