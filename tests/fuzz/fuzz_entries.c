/*
 * Directories as the kernel gives them, sifted.
 *
 * Input: entries, each a byte for its type and what statx finds, and a string, its name, which is
 * cut to what a name may be. A batch ends where an entry says so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fs/entries.h>
#include <sys/stat.h>

enum { ENDS_BATCH = 0x80, IS_GONE = 0x40, IS_UNKNOWN = 0x20, TYPES = 0x0F };

static input rest;             /* what getdents64 has yet to give */
static char expected[1 << 16]; /* names that are to be left, each behind its type */
static size_t expected_size;
static uint8_t asked_about; /* the entry of which statx is asked: as the batch goes on */
static uint8_t unknown[ENTRIES_BYTES];
static size_t unknown_count, unknown_asked;

static unsigned type_of(uint8_t kind)
{
    static const unsigned types[] = {DT_REG, DT_DIR, DT_LNK, DT_FIFO, DT_SOCK, DT_CHR, DT_BLK};
    return types[(kind & TYPES) % (sizeof types / sizeof types[0])];
}

static void expect(const char *name, uint8_t kind)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    if (kind & IS_UNKNOWN)
        unknown[unknown_count++] = kind;
    if ((kind & IS_UNKNOWN) && (kind & IS_GONE))
        return;
    expected[expected_size++] = (char)type_of(kind);
    strcpy(expected + expected_size, name);
    expected_size += strlen(name) + 1;
}

ssize_t __wrap_getdents64(int fd, void *buffer, size_t room);
int __wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *seen);

ssize_t __wrap_getdents64(int fd, void *buffer, size_t room)
{
    char *at = buffer;
    (void)fd;
    unknown_count = 0;
    unknown_asked = 0;
    while (rest.left > 0 && (size_t)(at - (char *)buffer) + sizeof(struct dirent64) <= room) {
        uint8_t kind = take_byte(&rest);
        char *name = take_string(&rest);
        if (strlen(name) > 255)
            name[255] = '\0';
        if (*name != '\0') {
            struct dirent64 *entry = (struct dirent64 *)(void *)at;
            size_t size = offsetof(struct dirent64, d_name) + strlen(name) + 1;
            entry->d_reclen = (unsigned short)((size + 7) & ~(size_t)7);
            entry->d_type = kind & IS_UNKNOWN ? DT_UNKNOWN : (unsigned char)type_of(kind);
            strcpy(entry->d_name, name);
            expect(name, kind);
            at += entry->d_reclen;
        }
        free(name);
        if (kind & ENDS_BATCH)
            break;
    }
    return at - (char *)buffer;
}

int __wrap_statx(int fd, const char *name, int flags, unsigned mask, struct statx *seen)
{
    (void)fd;
    (void)name;
    (void)flags;
    (void)mask;
    hold(unknown_asked < unknown_count);
    asked_about = unknown[unknown_asked++];
    errno = ENOENT;
    seen->stx_mode = (uint16_t)DTTOIF(type_of(asked_about));
    return asked_about & IS_GONE ? -1 : 0;
}

/* A batch that holds something, with what was expected, in order. Returns false at the end. */
static bool check_batch(void *batch)
{
    expected_size = 0;
    ssize_t got = entries_read(3, batch, ENTRIES_BYTES);
    hold(got >= 0);
    size_t seen = 0;
    for (ssize_t at = 0; at < got;) {
        const struct dirent64 *entry = (const struct dirent64 *)(void *)((char *)batch + at);
        hold(seen < expected_size);
        hold(entry->d_type == (unsigned char)expected[seen]);
        hold(strcmp(entry->d_name, expected + seen + 1) == 0);
        seen += 2 + strlen(entry->d_name);
        at += entry->d_reclen;
    }
    hold(seen == expected_size);
    return got > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *batch = malloc(ENTRIES_BYTES);
    hold(batch != NULL);
    rest = (input){data, size < 8192 ? size : 8192};
    while (check_batch(batch))
        ;
    free(batch);
    return 0;
}
