/* Listings: see listing.h. */
#include <errno.h>
#include <fs/entries.h>
#include <fs/listing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_BYTES ((size_t)1 << 20) /* some 30,000 entries, or 10 ms */

static size_t found_size(size_t name_len)
{
    size_t align = _Alignof(struct found);
    return (offsetof(struct found, name) + name_len + align) / align * align;
}

/* Room for `more` bytes. */
static bool listing_grow(struct listing *listing, size_t more)
{
    if (listing->room - listing->used >= more)
        return true;
    size_t room = listing->room + listing->room / 2;
    if (room < listing->used + more)
        room = listing->used + more;
    char *data = realloc(listing->data, room);
    if (!data)
        return false;
    listing->data = data;
    listing->room = room;
    return true;
}

/* The type of what a link leads to; DT_LNK: nothing. */
static unsigned char type_of_target(int fd, const char *name)
{
    struct stat status;
    return fstatat(fd, name, &status, 0) == 0 ? entry_type_of_mode(status.st_mode) : DT_LNK;
}

/* False: no memory, and the listing is to be begun again. */
static bool listing_add(struct listing *listing, int fd, const char *batch, size_t len)
{
    /* Each becomes smaller than the kernel's record of it. */
    if (!listing_grow(listing, len))
        return false;
    size_t size;
    for (size_t at = 0; at < len; at += size) {
        const struct dirent64 *entry = (const struct dirent64 *)(batch + at);
        struct found *found = (struct found *)(listing->data + listing->used);
        size_t name_len = strlen(entry->d_name);
        found->inode = entry->d_ino;
        found->type = entry->d_type;
        if (listing->follows && entry->d_type == DT_LNK)
            found->type = type_of_target(fd, entry->d_name);
        memcpy(found->name, entry->d_name, name_len + 1);
        listing->used += found_size(name_len);
        listing->count++;
        size = entry->d_reclen;
    }
    return true;
}

static int by_name(const void *one, const void *other)
{
    return strcmp((*(struct found *const *)one)->name, (*(struct found *const *)other)->name);
}

int listing_close(struct listing *listing)
{
    struct found **found = calloc(listing->count + 1, sizeof *found);
    if (!found)
        return -ENOMEM;
    size_t at = 0;
    for (size_t i = 0; i < listing->count; i++) {
        found[i] = (struct found *)(listing->data + at);
        at += found_size(strlen(found[i]->name));
    }
    if (listing->sorted)
        qsort(found, listing->count, sizeof *found, by_name);
    listing->found = found;
    return 0;
}

/* There is no memory for what the kernel has given: it must give it again. */
static int listing_restart(struct listing *listing, int fd)
{
    listing_free(listing);
    lseek(fd, 0, SEEK_SET);
    return -ENOMEM;
}

int listing_step(struct listing *listing, int fd)
{
    _Alignas(struct dirent64) char batch[ENTRIES_BYTES];
    for (size_t read = 0; read < STEP_BYTES; read += sizeof batch) {
        ssize_t got = entries_read(fd, batch, sizeof batch);
        if (got == 0)
            return listing_close(listing);
        if (got < 0)
            return (int)got;
        if (!listing_add(listing, fd, batch, (size_t)got))
            return listing_restart(listing, fd);
    }
    return 1;
}

void listing_free(struct listing *listing)
{
    free(listing->data);
    free(listing->found);
    *listing = (struct listing){.sorted = listing->sorted, .follows = listing->follows};
}
