/* The position, the size, and the change between reading and writing. See file.h. */
#include <fcntl.h>
#include <fs/file.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

int file_enter(whorl_file *file)
{
    struct loop *loop = loop_here;
    if (!file)
        return -EINVAL;
    if (!loop || loop != file->loop)
        return -EPERM;
    if (file->busy)
        return -EBUSY;
    return loop->current->interrupted ? task_refuse(loop, loop->current) : 0;
}

/* A device's inode has none. */
static int64_t device_size(int fd)
{
    uint64_t size;
    return ioctl(fd, BLKGETSIZE64, &size) != 0 ? -errno : (int64_t)size;
}

static int64_t ask_size(whorl_file *file)
{
    struct statx status;
    whorl_op op = whorl_op_statx(file->fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &status);
    int error = file_await(file, &op);
    if (error)
        return error;
    return S_ISBLK(status.stx_mode) ? device_size(file->fd) : (int64_t)status.stx_size;
}

/* The run is empty; what is read next is at `offset`. */
static void read_from(whorl_file *file, int64_t offset)
{
    file->after = offset;
    run_set(file, NULL, 0);
}

int file_to_reading(whorl_file *file)
{
    int error = behind_flush(file);
    if (error)
        return error;
    file->writing = false;
    read_from(file, file->at);
    return 0;
}

int file_to_writing(whorl_file *file)
{
    /* The run is in what is dropped, or is as good as that. */
    int64_t position = file_position(file);
    read_from(file, position);
    int error = ahead_drop(file);
    if (error)
        return error;
    if (file->append || file->may_reserve) {
        int64_t size = ask_size(file);
        if (size < 0)
            return (int)size;
        file->known_end = size;
        if (file->append)
            position = size;
    }
    file->at = position;
    file->writing = true;
    return 0;
}

/* --- Seeking --- */

/* Within the run, where the target is in what the run was, it moves; else it is dropped, and what
 * was read ahead with it, if it does not hold the target: by whoever reads there. */
static void seek_reading(whorl_file *file, int64_t target)
{
    int64_t back = file->after - target;
    if (back >= 0 && back <= file->limit - file->begin)
        file->here = file->limit - back;
    else
        read_from(file, target);
}

/* What was written goes on behind the caller.
 * With O_APPEND the next write goes to the end again. */
static int seek_writing(whorl_file *file, int64_t target)
{
    if (target == file_position(file) && !file->append)
        return 0;
    if (file->append) {
        int error = file_to_reading(file);
        if (!error)
            read_from(file, target);
        return error;
    }
    behind_seal(file);
    file->at = target;
    return 0;
}

/* Where offsets of `whence` count from. */
static int64_t seek_base(whorl_file *file, int whence)
{
    if (whence == SEEK_SET)
        return 0;
    if (whence == SEEK_CUR)
        return file_position(file);
    if (whence != SEEK_END)
        return -EINVAL;
    int error = file->writing ? behind_flush(file) : 0;
    return error ? error : ask_size(file);
}

int64_t whorl_file_seek(whorl_file *file, int64_t offset, int whence)
{
    int error = file_enter(file);
    if (error)
        return error;
    if (!file->positioned)
        return -ESPIPE;
    int64_t base = seek_base(file, whence);
    if (base < 0)
        return base;
    if (offset > POSITION_MOST - base)
        return -EOVERFLOW;
    int64_t target = base + offset;
    if (target < 0)
        return -EINVAL;
    if (file->writing)
        error = seek_writing(file, target);
    else
        seek_reading(file, target);
    if (error)
        return error;
    file->ended = false;
    return target;
}

int64_t whorl_file_tell(const whorl_file *file)
{
    if (!file)
        return -EINVAL;
    if (loop_here != file->loop)
        return -EPERM;
    if (file->busy)
        return -EBUSY;
    return file->positioned ? file_position(file) : -ESPIPE;
}

/* What was read ahead may be gone, and what comes after the position another size:
 * so nothing is kept. */
int whorl_file_truncate(whorl_file *file, int64_t length)
{
    int error = file_enter(file);
    if (error)
        return error;
    if (!file->positioned)
        return -EINVAL;
    if (!file->writing)
        read_from(file, file_position(file));
    error = file->writing ? file_to_reading(file) : ahead_drop(file);
    if (error)
        return error;
    whorl_op op = whorl_op_ftruncate(file->fd, length);
    return file_await(file, &op);
}
