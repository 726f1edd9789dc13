/*
 * O_DIRECT: whole blocks past the page cache, the rest through it; and space ahead of the writes.
 *
 * The kernel takes direct writes of whole blocks alone. What is less, at the beginning or the end
 * of what was written in one stretch, is written while O_DIRECT is off: the kernel keeps its cache
 * and direct access to the same file in step, and so the size is exact at every moment, and the
 * block's other bytes are what anybody has written there. The flag is the open file's, so nothing
 * else of the file may be in flight meanwhile.
 *
 * A direct write beyond the file's end takes the inode for itself; within it, many run together. So
 * where a file grows in order, its size is set ahead by fallocate, in steps that double, and set
 * back when the writing pauses.
 */
#include <fcntl.h>
#include <fs/file.h>
#include <sys/stat.h>

#define BLOCK 4096
#define STEP_BUFFERS 16
#define STEP_MOST ((int64_t)64 << 20)

#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000U /* Linux 6.1 */
#endif

/* --- Blocks --- */

/* The C library's header may be older than the kernel: where linux/stat.h has the two numbers. */
struct dio_align {
    uint32_t memory;
    uint32_t offset;
};

#define DIO_ALIGN_PLACE 0x98

/* Never less than a file system's usual block: smaller writes in one block would take turns. */
size_t direct_alignment(int fd)
{
    union {
        struct statx status;
        char bytes[sizeof(struct statx)];
    } all = {.bytes = {0}};
    struct dio_align align;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &all.status) != 0 ||
        !(all.status.stx_mask & STATX_DIOALIGN))
        return BLOCK;
    memcpy(&align, all.bytes + DIO_ALIGN_PLACE, sizeof align);
    size_t larger = align.memory > align.offset ? align.memory : align.offset;
    return larger > BLOCK ? larger : BLOCK;
}

size_t direct_piece(const whorl_file *file, const struct slot *slot, bool *cached)
{
    size_t rest = slot->len - slot->done;
    *cached = file->direct && (file->append || slot->by_cache);
    if (!file->direct || *cached)
        return rest;
    size_t within = (size_t)((slot->offset + (int64_t)slot->done) % (int64_t)file->align);
    size_t to_block = within > 0 ? file->align - within : 0;
    *cached = to_block > 0 || rest < file->align;
    if (!*cached)
        return rest - rest % file->align;
    return to_block > 0 && to_block < rest ? to_block : rest;
}

void direct_set(whorl_file *file, bool on)
{
    int flags = fcntl(file->fd, F_GETFL);
    if (flags >= 0)
        fcntl(file->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

/* --- Space --- */

void direct_reserve(whorl_file *file, int64_t end)
{
    if (end <= file->known_end || end <= file->reserved)
        return;
    /* One buffer alone is not worth it. */
    if (file->reserve_step == 0) {
        file->reserve_step = (int64_t)(file->size * STEP_BUFFERS);
        return;
    }
    int64_t step = file->reserve_step;
    if (step < end - file->at)
        step = end - file->at;
    if (file->reserve_step < STEP_MOST)
        file->reserve_step *= 2;
    /* From now on: one that fails may do a part, and one that a run is left in all of it. */
    file->reserved = file->at + step;
    whorl_op op = whorl_op_fallocate(file->fd, 0, file->at, step);
    int result = file_await(file, &op);
    if (result < 0 && result != -ECANCELED)
        file->may_reserve = false;
}

int64_t direct_exact_size(const whorl_file *file)
{
    struct stat status;
    if (file->reserved == 0 || fstat(file->fd, &status) != 0)
        return -1;
    /* What others have written behind it is not ours to cut. */
    bool ours = status.st_size > file->known_end && status.st_size <= file->reserved;
    return ours ? file->known_end : -1;
}

int direct_trim(whorl_file *file)
{
    int64_t size = direct_exact_size(file);
    if (size >= 0) {
        whorl_op op = whorl_op_ftruncate(file->fd, size);
        int error = file_await(file, &op);
        if (error)
            return error;
    }
    file->reserved = 0;
    file->reserve_step = 0;
    return 0;
}
