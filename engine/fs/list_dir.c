/* The names in a directory, all at once: whorl_list_dir. */
#include <core/loop.h>
#include <fcntl.h>
#include <fs/listing.h>
#include <fs/on_thread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whorl/dir.h>
#include <whorl/fs.h>

struct names_wanted {
    int dirfd;
    const char *path;
    int fd; /* -1: closed */
    struct listing listing;
    char **names;
};

/* One piece of memory: the pointers, and behind them what they point to. NULL: there is none. */
static char **make_names(const struct listing *listing)
{
    size_t pointers = (listing->count + 1) * sizeof(char *);
    char **names = malloc(pointers + listing->used);
    if (!names)
        return NULL;
    char *text = (char *)names + pointers;
    for (size_t i = 0; i < listing->count; i++) {
        names[i] = text;
        text = stpcpy(text, listing->found[i]->name) + 1;
    }
    names[listing->count] = NULL;
    return names;
}

/* A step on a thread; the first opens the directory, the last closes it. 1: there are more. */
static intptr_t names_step(void *arg)
{
    struct names_wanted *wanted = arg;
    if (wanted->fd < 0)
        wanted->fd = openat(wanted->dirfd, wanted->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (wanted->fd < 0)
        return -errno;
    int result = listing_step(&wanted->listing, wanted->fd);
    if (result != 0)
        return result;
    close(wanted->fd);
    wanted->fd = -1;
    wanted->names = make_names(&wanted->listing);
    return wanted->names ? 0 : -ENOMEM;
}

ssize_t whorl_list_dirat(int dirfd, const char *path, char ***names)
{
    if (!names)
        return -EINVAL;
    *names = NULL;
    if (!path)
        return -EFAULT;
    struct names_wanted wanted = {.dirfd = dirfd, .path = path, .fd = -1, .listing.sorted = true};
    int result;
    do
        result = (int)whorl_to_thread(names_step, &wanted);
    while (result == 1);
    if (wanted.fd >= 0)
        whorl_close(wanted.fd);
    *names = wanted.names;
    ssize_t count = (ssize_t)wanted.listing.count;
    listing_free(&wanted.listing);
    return result < 0 ? result : count;
}

ssize_t whorl_list_dir(const char *path, char ***names)
{
    return whorl_list_dirat(AT_FDCWD, path, names);
}
