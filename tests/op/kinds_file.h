/*
 * Scenes for the kinds of kinds.h: ops on files beyond reading and writing, which need not wait,
 * and those between two descriptors, which do.
 */
#ifndef TESTS_OP_KINDS_FILE_H
#define TESTS_OP_KINDS_FILE_H

#include "op/scene.h"

#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#define ATTRIBUTE "user.whorl"

/* A file of four bytes, at ends[0]. */
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

static inline void clean_two(scene *one)
{
    close_pair(&one->both);
    close_pair(&one->more);
}

static inline void clean_paths(scene *one)
{
    clean_path(one);
    check(unlink(one->other.text) == 0 || errno == ENOENT);
}

/* --- Vectors with flags --- */

static inline void make_preadv2(scene *one)
{
    message_of_buf(one);
    make_scene_file(one);
    one->op = whorl_op_preadv2(one->both.ends[0], &one->vector, 1, -1, RWF_NOWAIT);
}

static inline void make_pwritev2(scene *one)
{
    message_of_buf(one);
    make_scene_file(one);
    one->op = whorl_op_pwritev2(one->both.ends[0], &one->vector, 1, 0, RWF_APPEND);
}

/* --- Names --- */

static inline void make_openat2(scene *one)
{
    static const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
    make_scene_file(one);
    one->op = whorl_op_openat2(-1, one->path.text, &how, sizeof how);
}

static inline void make_rename(scene *one)
{
    make_scene_file(one);
    one->other = path_of("other");
    one->op = whorl_op_renameat2(-1, one->path.text, -1, one->other.text, RENAME_NOREPLACE);
}

static inline void make_link(scene *one)
{
    make_scene_file(one);
    one->other = path_of("other");
    one->op = whorl_op_linkat(-1, one->path.text, -1, one->other.text, 0);
}

static inline void make_symlink(scene *one)
{
    make_scene_file(one);
    one->other = path_of("other");
    one->op = whorl_op_symlinkat(one->path.text, -1, one->other.text);
}

static inline long effect_other(scene *one)
{
    return access(one->other.text, F_OK) == 0;
}

static inline long effect_renamed(scene *one)
{
    check_equal(access(one->path.text, F_OK) == 0, !effect_other(one));
    return effect_other(one);
}

/* --- Attributes; where the file system has none, a nop is all there is to stop --- */

static inline bool make_attributed(scene *one)
{
    make_scene_file(one);
    one->replaced = fsetxattr(one->both.ends[0], ATTRIBUTE, "v", 1, 0) != 0;
    if (one->replaced)
        one->op = whorl_op_nop();
    return !one->replaced;
}

static inline void make_setxattr(scene *one)
{
    if (make_attributed(one) && check_equal(removexattr(one->path.text, ATTRIBUTE), 0))
        one->op = whorl_op_setxattr(one->path.text, ATTRIBUTE, "v", 1, 0);
}

static inline void make_fsetxattr(scene *one)
{
    if (make_attributed(one) && check_equal(removexattr(one->path.text, ATTRIBUTE), 0))
        one->op = whorl_op_fsetxattr(one->both.ends[0], ATTRIBUTE, "v", 1, 0);
}

static inline long effect_attribute(scene *one)
{
    if (one->replaced)
        return one->op.result >= 0;
    return fgetxattr(one->both.ends[0], ATTRIBUTE, NULL, 0) == 1;
}

static inline void make_getxattr(scene *one)
{
    if (make_attributed(one))
        one->op = whorl_op_getxattr(one->path.text, ATTRIBUTE, one->buf, PIECE);
}

static inline void make_fgetxattr(scene *one)
{
    if (make_attributed(one))
        one->op = whorl_op_fgetxattr(one->both.ends[0], ATTRIBUTE, one->buf, PIECE);
}

static inline long effect_value(scene *one)
{
    return one->replaced ? one->op.result >= 0 : one->buf[0] == 'v';
}

/* --- Advice, ranges --- */

static inline void make_sync_file_range(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_sync_file_range(one->both.ends[0], 0, 0, SYNC_FILE_RANGE_WRITE);
}

static inline void make_fadvise(scene *one)
{
    make_scene_file(one);
    one->op = whorl_op_fadvise(one->both.ends[0], 0, 0, POSIX_FADV_DONTNEED);
}

/* One page that the advice empties. */
static inline void make_madvise(scene *one)
{
    one->both = (pair){{-1, -1}};
    one->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    one->page[0] = 'x';
    one->op = whorl_op_madvise(one->page, 4096, MADV_DONTNEED);
}

static inline long effect_emptied(scene *one)
{
    return one->page[0] == 0;
}

static inline void clean_page(scene *one)
{
    check_equal(munmap(one->page, 4096), 0);
}

/* --- Between two descriptors --- */

/* From ends[0] to another pipe; waits for a byte. */
static inline void make_splice(scene *one)
{
    one->both = pipe_pair();
    one->more = pipe_pair();
    one->op = whorl_op_splice(one->both.ends[0], -1, one->more.ends[1], -1, PIECE, 0);
}

static inline void make_tee(scene *one)
{
    make_splice(one);
    one->op = whorl_op_tee(one->both.ends[0], one->more.ends[1], PIECE, 0);
}

static inline long effect_splice(scene *one)
{
    check_equal(unread_in(one->both.ends[0]) + unread_in(one->more.ends[0]), 1);
    return unread_in(one->more.ends[0]);
}

static inline long effect_tee(scene *one)
{
    check_equal(unread_in(one->both.ends[0]), 1);
    return unread_in(one->more.ends[0]);
}

/* From another pipe to ends[1], which has no room. */
static inline void make_splice_for_room(scene *one)
{
    fill_before(one, pipe_pair());
    one->more = pipe_pair();
    check_equal(write(one->more.ends[1], one->buf, PIECE), PIECE);
    one->op = whorl_op_splice(one->more.ends[0], -1, one->both.ends[1], -1, PIECE, 0);
}

static inline void make_tee_for_room(scene *one)
{
    make_splice_for_room(one);
    one->op = whorl_op_tee(one->more.ends[0], one->both.ends[1], PIECE, 0);
}

/* From a file to ends[1], which has no room. */
static inline void make_splice_of_file(scene *one)
{
    make_scene_file(one);
    one->more = one->both;
    fill_before(one, pipe_pair());
    one->op = whorl_op_splice(one->more.ends[0], 0, one->both.ends[1], -1, PIECE, 0);
}

static inline void clean_splice_of_file(scene *one)
{
    close_pair(&one->more);
    clean_path(one);
}

/* From a socket to a pipe; waits for a byte. */
static inline void make_splice_of_socket(scene *one)
{
    one->both = unix_pair();
    one->more = pipe_pair();
    one->op = whorl_op_splice(one->both.ends[0], -1, one->more.ends[1], -1, PIECE, 0);
}

#endif
