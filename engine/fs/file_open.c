/* A file's beginning. See file.h. */
#include <fcntl.h>
#include <fs/file.h>
#include <fs/file_close.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl/fs.h>

#define DEFAULT_BUFFER ((size_t)256 << 10)
#define DEFAULT_DEPTH 8
#define DEFAULT_LINE_MAX ((size_t)1 << 20)
#define DEFAULT_MODE 0666
#define STREAM_IN 1
#define STREAM_OUT 2

_Static_assert(2 * BUFFER_MOST * DEPTH_MOST <= INT64_MAX - POSITION_MOST, "offsets overflow");

static const whorl_file_options defaults;

static int options_check(const whorl_file_options *options)
{
    if (options->buffer_size > BUFFER_MOST || options->depth > DEPTH_MOST ||
        options->line_max > (size_t)SSIZE_MAX / 4)
        return -EINVAL;
    return 0;
}

static bool has_position(const struct stat *status)
{
    return S_ISREG(status->st_mode) || S_ISBLK(status->st_mode) || S_ISDIR(status->st_mode);
}

static void set_kind(whorl_file *file, int flags, const struct stat *status)
{
    int access = flags & O_ACCMODE;
    file->readable = access != O_WRONLY;
    file->writable = access != O_RDONLY;
    file->positioned = has_position(status);
    file->append = file->positioned && (flags & O_APPEND);
    file->direct = file->positioned && (flags & O_DIRECT);
    file->align = file->direct ? direct_alignment(file->fd) : 1;
}

static void set_sizes(whorl_file *file, const whorl_file_options *options, unsigned depth)
{
    size_t size = options->buffer_size ? options->buffer_size : DEFAULT_BUFFER;
    file->size = (size + file->align - 1) / file->align * file->align;
    file->line_max = options->line_max ? options->line_max : DEFAULT_LINE_MAX;
    unsigned in = file->positioned ? depth : STREAM_IN;
    unsigned out = file->positioned ? depth : STREAM_OUT;
    file->in = (struct window){.slots = file->slots, .size = in};
    file->out = (struct window){.slots = file->slots + in, .size = out};
    file->most = file->positioned ? depth : STREAM_IN + STREAM_OUT;
}

int whorl_file_from_fd(int fd, const whorl_file_options *options, whorl_file **result)
{
    if (!result)
        return -EINVAL;
    *result = NULL;
    struct loop *loop = loop_here;
    if (!loop)
        return -EPERM;
    if (!options)
        options = &defaults;
    if (options_check(options))
        return -EINVAL;
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) || fstat(fd, &status) != 0)
        return -EBADF;
    off_t position = has_position(&status) ? lseek(fd, 0, SEEK_CUR) : 0;
    if (position > POSITION_MOST)
        return -EOVERFLOW;
    unsigned depth = options->depth ? options->depth : DEFAULT_DEPTH;
    size_t slots = has_position(&status) ? 2 * depth : STREAM_IN + STREAM_OUT;
    whorl_file *file = calloc(1, sizeof *file + slots * sizeof file->slots[0]);
    if (!file)
        return -ENOMEM;
    file->loop = loop;
    file->fd = fd;
    set_kind(file, flags, &status);
    set_sizes(file, options, depth);
    file->after = position > 0 ? position : 0;
    file->may_reserve = file->direct && file->writable && !file->append && !options->exact_size &&
                        S_ISREG(status.st_mode);
    file->leftover = (struct leftover){.stop = file_stop, .end = file_end_left};
    leftover_add(loop, &file->leftover);
    *result = file;
    return 0;
}

int whorl_file_open(const char *path, int flags, const whorl_file_options *options,
                    whorl_file **file)
{
    if (!file)
        return -EINVAL;
    *file = NULL;
    if (!options)
        options = &defaults;
    if (!path || options_check(options))
        return -EINVAL;
    mode_t mode = options->mode ? options->mode : DEFAULT_MODE;
    int fd = whorl_open(path, flags | O_CLOEXEC, mode);
    if (fd < 0)
        return fd;
    int error = whorl_file_from_fd(fd, options, file);
    if (error)
        whorl_close(fd);
    return error;
}
