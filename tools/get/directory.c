/* See directory.h. */
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int directory_open(struct directory *self, const char *path)
{
    *self = (struct directory){.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return self->fd < 0 ? -errno : 0;
}

void directory_close(struct directory *self)
{
    close(self->fd);
}

/* Who comes while an fsync runs waits for the next, which serves all that have come meanwhile. */
int directory_sync(struct directory *self)
{
    uint64_t mine = self->renames;
    int error = whorl_mutex_lock(&self->syncing);
    if (error != 0)
        return error;
    if (self->synced < mine) {
        uint64_t until = self->renames;
        error = whorl_fsync(self->fd);
        if (error == -EINVAL) /* this kind of file system has nothing to sync in a directory */
            error = 0;
        if (error == 0)
            self->synced = until;
    }
    whorl_mutex_unlock(&self->syncing);
    return error;
}

typedef struct names {
    int fd;
    const char *from, *to;
} names;

/* link(2) never replaces anything either. */
static intptr_t block_in_link(void *arg)
{
    const names *given = arg;
    if (linkat(given->fd, given->from, given->fd, given->to, 0) != 0)
        return -errno;
    return unlinkat(given->fd, given->from, 0) == 0 ? 0 : -errno;
}

int directory_rename(struct directory *self, const char *from, const char *to, int replaces)
{
    unsigned flags = replaces ? 0 : RENAME_NOREPLACE;
    int error = whorl_renameat2(self->fd, from, self->fd, to, flags);
    if (error == -EINVAL && !replaces) /* NFS, for one, has no RENAME_NOREPLACE */
        error = (int)whorl_to_thread(block_in_link, &(names){self->fd, from, to});
    if (error == 0)
        self->renames++;
    return error;
}
