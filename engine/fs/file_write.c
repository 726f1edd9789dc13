/* Writing bytes and text: into the room of the last slot, and what is full is sealed.
 * See file.h. */
#include <fs/file.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL_MAX ((size_t)SSIZE_MAX) /* what one call can tell */

static size_t room_of(const whorl_file *file)
{
    return (size_t)(file->room_end - file->room);
}

/* `len` bytes of the room are used. */
static void use_room(whorl_file *file, size_t len)
{
    file->room += len;
    if (file->room == file->room_end) {
        behind_seal(file);
        file_breathe(file);
    }
}

static ssize_t take_in(whorl_file *file, const char *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        int error = file->room ? 0 : behind_make_room(file);
        if (error)
            return done > 0 ? (ssize_t)done : error;
        size_t taken = room_of(file) < len - done ? room_of(file) : len - done;
        memcpy(file->room, data + done, taken);
        done += taken;
        use_room(file, taken);
    }
    return (ssize_t)done;
}

ssize_t whorl_file_write(whorl_file *file, const void *data, size_t len)
{
    if (!data && len > 0)
        return -EINVAL;
    int error = len > 0 ? file_begin_write(file) : file_enter(file);
    if (error)
        return error;
    return take_in(file, data, len < CALL_MAX ? len : CALL_MAX);
}

ssize_t whorl_file_puts(whorl_file *file, const char *text)
{
    return text ? whorl_file_write(file, text, strlen(text)) : -EINVAL;
}

/* The text does not fit into the room: it is made elsewhere. */
static ssize_t print_long(whorl_file *file, size_t len, const char *format, va_list arguments)
{
    char *text = malloc(len + 1);
    if (!text)
        return -ENOMEM;
    vsnprintf(text, len + 1, format, arguments);
    ssize_t done = take_in(file, text, len);
    free(text);
    return done;
}

ssize_t whorl_file_vprintf(whorl_file *file, const char *format, va_list arguments)
{
    if (!format)
        return -EINVAL;
    int error = file_begin_write(file);
    if (error)
        return error;
    va_list again;
    va_copy(again, arguments);
    size_t room = file->room ? room_of(file) : 0;
    int len = vsnprintf(file->room, room, format, arguments);
    ssize_t done = len < 0 ? -EINVAL : len;
    if (len >= 0 && (size_t)len < room)
        use_room(file, (size_t)len);
    else if (len > 0)
        done = print_long(file, (size_t)len, format, again);
    va_end(again);
    return done;
}

ssize_t whorl_file_printf(whorl_file *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ssize_t done = whorl_file_vprintf(file, format, arguments);
    va_end(arguments);
    return done;
}

/* --- To the file, and to the disk --- */

int whorl_file_flush(whorl_file *file)
{
    int error = file_enter(file);
    return error ? error : behind_flush(file);
}

static int sync_by(whorl_file *file, whorl_op op(int fd))
{
    int error = whorl_file_flush(file);
    if (error)
        return error;
    whorl_op sync = op(file->fd);
    return file_await(file, &sync);
}

int whorl_file_sync(whorl_file *file)
{
    return sync_by(file, whorl_op_fsync);
}

int whorl_file_datasync(whorl_file *file)
{
    return sync_by(file, whorl_op_fdatasync);
}
