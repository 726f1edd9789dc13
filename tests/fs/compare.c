/* Files by plain system calls: filling a disk with one, comparing them. See small_disk.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/small_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

off_t fill_disk(const char *path)
{
    static char zeros[64 * 1024];
    off_t size = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0);
    for (size_t len = sizeof zeros; len > 0;) {
        ssize_t put = write(fd, zeros, len);
        if (put > 0)
            size += put;
        else
            len /= 2;
    }
    check_equal(errno, ENOSPC);
    check_equal(close(fd), 0);
    return size;
}

/* Reads until `room` is full or the file ends. */
static ssize_t read_fully(int fd, char *data, size_t room)
{
    size_t done = 0;
    while (done < room) {
        ssize_t got = read(fd, data + done, room - done);
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool contents_are_equal(int one, int other)
{
    static char ones[64 * 1024], others[64 * 1024];
    off_t offset = 0;
    for (;;) {
        ssize_t got = read_fully(one, ones, sizeof ones);
        if (!check_equal(read_fully(other, others, sizeof others), got) || got < 0)
            return false;
        if (memcmp(ones, others, (size_t)got) != 0)
            return check_failed("they differ at or after %jd", (intmax_t)offset);
        if (got == 0)
            return true;
        offset += got;
    }
}

bool files_are_equal(const char *one, const char *other)
{
    int first = open(one, O_RDONLY | O_CLOEXEC);
    int second = open(other, O_RDONLY | O_CLOEXEC);
    bool equal = check(first >= 0) && check(second >= 0) && contents_are_equal(first, second);
    if (first >= 0)
        close(first);
    if (second >= 0)
        close(second);
    return equal;
}

bool file_holds_bytes(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *held = malloc(len + 1);
    bool same = check(fd >= 0) && check(held != NULL) &&
                check_equal(read_fully(fd, held, len + 1), (ssize_t)len) &&
                check(memcmp(held, data, len) == 0);
    free(held);
    if (fd >= 0)
        close(fd);
    return same;
}

int names_in(const char *directory)
{
    DIR *stream = opendir(directory);
    int count = 0;
    if (!check(stream != NULL))
        return -1;
    for (struct dirent *entry; (entry = readdir(stream));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

void fill_pattern(void *data, size_t len, uint64_t seed)
{
    random_source source = {seed};
    unsigned char *byte = data;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = random_next(&source);
        memcpy(byte + i, &word, len - i < 8 ? len - i : 8);
    }
}
