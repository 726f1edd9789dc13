/*
 * The kinds of op that test_cancel.c stops, one row each; scene.h tells what a row holds. First
 * more scenes of ops that need not wait, on a file of four bytes at ends[0].
 */
#ifndef TESTS_OP_KINDS_H
#define TESTS_OP_KINDS_H

#include "op/kinds_file.h"

#include <sys/wait.h>

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
    {"send_zc", true, make_send_zc, allow_write, effect_send_zc, expect_count, clean_pair},
    {"sendmsg_zc", true, make_sendmsg_zc, allow_write, effect_send_zc, expect_count, clean_pair},
    {"accept", true, make_accept, allow_accept, effect_accept, expect_once, clean_pair},
    {"event", true, make_event_read, allow_event_read, effect_event_read, expect_once, clean_pair},
    {"waitid", true, make_waitid, allow_read, effect_waitid, expect_once, clean_pair},
    {"splice", true, make_splice, allow_read, effect_splice, expect_once, clean_two},
    {"tee", true, make_tee, allow_read, effect_tee, expect_once, clean_two},
    {"splice of a socket", true, make_splice_of_socket, allow_read, effect_splice, expect_once,
     clean_two},
    {"splice for room", true, make_splice_for_room, allow_write, effect_write, expect_count,
     clean_two},
    {"tee for room", true, make_tee_for_room, allow_write, effect_write, expect_count, clean_two},
    {"splice of a file", true, make_splice_of_file, allow_write, effect_write, expect_count,
     clean_splice_of_file},
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
    {"preadv2", false, make_preadv2, allow_nothing, effect_file_read, expect_count, clean_path},
    {"pwritev2", false, make_pwritev2, allow_nothing, effect_file_write, expect_count, clean_path},
    {"sync_file_range", false, make_sync_file_range, allow_nothing, effect_unmeasured, expect_once,
     clean_path},
    {"fadvise", false, make_fadvise, allow_nothing, effect_unmeasured, expect_once, clean_path},
    {"madvise", false, make_madvise, allow_nothing, effect_emptied, expect_once, clean_page},
    {"openat2", false, make_openat2, allow_nothing, effect_open, expect_once, clean_path},
    {"renameat2", false, make_rename, allow_nothing, effect_renamed, expect_once, clean_paths},
    {"linkat", false, make_link, allow_nothing, effect_other, expect_once, clean_paths},
    {"symlinkat", false, make_symlink, allow_nothing, effect_other, expect_once, clean_paths},
    {"setxattr", false, make_setxattr, allow_nothing, effect_attribute, expect_once, clean_path},
    {"fsetxattr", false, make_fsetxattr, allow_nothing, effect_attribute, expect_once, clean_path},
    {"getxattr", false, make_getxattr, allow_nothing, effect_value, expect_once, clean_path},
    {"fgetxattr", false, make_fgetxattr, allow_nothing, effect_value, expect_once, clean_path},
    {"openat", false, make_open, allow_nothing, effect_open, expect_once, clean_path},
    {"close", false, make_close, allow_nothing, effect_closed, expect_once, clean_pair},
    {"socket", false, make_socket, allow_nothing, effect_open, expect_once, clean_pair},
};

/* Waits for seconds, as the kernel repeats its asking, and so is no row of the table. */
static const kind waiting_connect = {"connect",         true,        make_connect, allow_nothing,
                                     effect_unmeasured, expect_once, clean_connect};

#endif
