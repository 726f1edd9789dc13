/* Open descriptors: see descriptors.h. */
#include <dirent.h>
#include <run/descriptors.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_ROOM 64

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static struct descriptors *add(struct descriptors *list, int fd)
{
    if (!list || list->count == list->room) {
        size_t room = list ? 2 * list->room : FIRST_ROOM;
        struct descriptors *larger = realloc(list, sizeof *list + room * sizeof list->fds[0]);
        if (!larger) {
            free(list);
            return NULL;
        }
        larger->count = list ? larger->count : 0;
        larger->room = room;
        list = larger;
    }
    list->fds[list->count++] = fd;
    return list;
}

struct descriptors *descriptors_list(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return NULL;
    struct descriptors *list = NULL;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(directory))
            continue;
        list = add(list, fd);
        if (!list)
            break;
    }
    closedir(directory);
    if (list)
        qsort(list->fds, list->count, sizeof list->fds[0], by_number);
    return list;
}

/* Appends "7 (pipe:[81])"; returns how much of the text is used. */
static size_t describe(int fd, char *text, size_t size, size_t used)
{
    char link[32];
    char target[128];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target);
    int wrote = snprintf(text + used, size - used, "%s%d (%.*s)", used > 0 ? ", " : "", fd,
                         length > 0 ? (int)length : 0, target);
    return wrote < 0 || (size_t)wrote >= size - used ? size - 1 : used + (size_t)wrote;
}

size_t descriptors_new(const struct descriptors *before, char *text, size_t size)
{
    struct descriptors *now = before ? descriptors_list() : NULL;
    size_t count = 0;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; now && i < now->count; i++) {
        const int *fd = &now->fds[i];
        if (bsearch(fd, before->fds, before->count, sizeof *fd, by_number))
            continue;
        count++;
        used = describe(*fd, text, size, used);
    }
    free(now);
    return count;
}
