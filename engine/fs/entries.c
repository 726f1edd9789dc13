/* Entries of directories: see entries.h. */
#include <errno.h>
#include <fcntl.h>
#include <fs/entries.h>
#include <string.h>
#include <sys/stat.h>

unsigned char entry_type_of_mode(unsigned mode)
{
    return (unsigned char)IFTODT(mode);
}

static bool is_self_or_parent(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Finds out a type that the file system has not told. False: there is no such entry any more. */
static bool find_type(int fd, struct dirent64 *entry)
{
    struct statx status;
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (statx(fd, entry->d_name, flags, STATX_TYPE, &status) == 0)
        entry->d_type = entry_type_of_mode(status.stx_mode);
    else if (errno == ENOENT)
        return false;
    return true;
}

/* Sifts a batch of `len` bytes; returns the bytes that are left. */
static size_t sift(int fd, void *batch, size_t len)
{
    char *data = batch;
    size_t kept = 0, next;
    for (size_t at = 0; at < len; at = next) {
        struct dirent64 *entry = (struct dirent64 *)(data + at);
        size_t size = entry->d_reclen;
        next = at + size;
        if (is_self_or_parent(entry->d_name))
            continue;
        if (entry->d_type == DT_UNKNOWN && !find_type(fd, entry))
            continue;
        if (kept != at)
            memmove(data + kept, entry, size);
        kept += size;
    }
    return kept;
}

ssize_t entries_read(int fd, void *batch, size_t room)
{
    size_t kept = 0;
    while (kept == 0) {
        ssize_t got = getdents64(fd, batch, room);
        if (got < 0 && errno == ENOENT) /* the directory was removed */
            return 0;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        kept = sift(fd, batch, (size_t)got);
    }
    return (ssize_t)kept;
}
