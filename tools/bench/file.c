/*
 * See file.h. A file is held open by one descriptor from the time at which it is judged; each run
 * opens it again through /proc/self/fd, since O_DIRECT and O_TRUNC belong to an open file and a
 * temporary one has no name.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fail.h"
#include "progress.h"

enum { CHUNK = 1 << 20, DEFAULT_MADE = 256 << 20, ROOM_BESIDE = 64 << 20 };

static const char temporary[] = "temporary";

uint64_t file_size(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);
    return end < 0 ? 0 : (uint64_t)end;
}

char *file_buffers(uint64_t count, uint64_t size)
{
    char *made = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (made != MAP_FAILED)
        return made;
    fail("no memory for %llu buffers of %llu bytes: ask for a smaller --depth or --size",
         (unsigned long long)count, (unsigned long long)size);
    return NULL;
}

int file_open(const options *given, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", given->file_fd);
    int direct = given->direct != 0 ? O_DIRECT : 0;
    int fd = open(path, flags | direct | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EINVAL && direct != 0)
        return fail("%s takes no O_DIRECT, its filesystem has none: leave --direct out or use "
                    "--file on another filesystem",
                    given->file);
    return fd < 0 ? fail_call("opening the file again", errno) : fd;
}

/* Sees that `wanted` bytes fit beside what the file holds already. */
static int check_room(const struct statvfs *disk, uint64_t wanted, uint64_t held)
{
    uint64_t there = (uint64_t)disk->f_bavail * disk->f_frsize + held;
    if (there >= wanted + ROOM_BESIDE)
        return 0;
    return fail(
        "the file needs %llu MiB of disk and %llu MiB are free: free some, name a --file on "
        "another disk, or ask for less",
        (unsigned long long)((wanted + ROOM_BESIDE) >> 20), (unsigned long long)(there >> 20));
}

static uint64_t made_length(const options *given)
{
    uint64_t length = given->file_made != 0 ? given->file_made : DEFAULT_MADE;
    while (length < given->size)
        length *= 2;
    return length;
}

int file_check_room(const options *given)
{
    struct statvfs disk;
    if (statvfs(".", &disk) != 0)
        return fail_call("reading how much disk is free", errno);
    bool is_read = given->command == COMMAND_READ || given->command == COMMAND_SENDFILE;
    return check_room(&disk, is_read ? made_length(given) : given->total, 0);
}

/* A file in the current directory that has no name any more. */
static int make_temporary(options *given)
{
    char path[] = "./whorl-bench.XXXXXX";
    given->file_fd = mkostemp(path, O_CLOEXEC);
    if (given->file_fd < 0)
        return fail("cannot make a temporary file in the current directory: %s; name one with "
                    "--file, or go where you may write",
                    strerror(errno));
    given->file = temporary;
    if (unlink(path) == 0)
        return 0;
    return fail_call("removing the temporary file's name", errno);
}

/* Numbers: where each stands. */
static void fill_numbers(char *chunk, uint64_t at)
{
    for (uint64_t i = 0; i < CHUNK; i += sizeof at) {
        uint64_t place = at + i;
        memcpy(chunk + i, &place, sizeof place);
    }
}

/* Text, in lines of 0 to 119 bytes beside the newline; always the same. */
static void fill_text(char *chunk, uint64_t at)
{
    uint64_t state = at * 2 + 1;
    memset(chunk, 'x', CHUNK);
    for (uint64_t end = 0; end < CHUNK;) {
        state = state * UINT64_C(6364136223846793005) + 1;
        end += (state >> 33) % 120;
        if (end < CHUNK)
            chunk[end++] = '\n';
    }
}

static int fill_file(int fd, uint64_t length, void fill(char *chunk, uint64_t at))
{
    char *chunk = file_buffers(1, CHUNK);
    if (chunk == NULL)
        return -1;
    for (uint64_t at = 0; at < length; at += CHUNK) {
        fill(chunk, at);
        if (pwrite(fd, chunk, CHUNK, (off_t)at) != CHUNK)
            return fail("writing the temporary file failed: %s", strerror(errno));
    }
    munmap(chunk, CHUNK);
    return fsync(fd) == 0 ? 0 : fail_call("fsync of the temporary file", errno);
}

static int warm(const options *given)
{
    char *chunk = file_buffers(1, CHUNK);
    if (chunk == NULL)
        return -1;
    uint64_t at = 0;
    for (ssize_t got; (got = pread(given->file_fd, chunk, CHUNK, (off_t)at)) != 0;) {
        if (got < 0)
            return fail("%s cannot be read: %s", given->file, strerror(errno));
        at += (uint64_t)got;
    }
    munmap(chunk, CHUNK);
    return 0;
}

static int check_named(const options *given, struct stat *seen)
{
    if (given->file_fd < 0)
        return fail("--file \"%s\" cannot be opened: %s; name a file that can", given->file,
                    strerror(errno));
    if (fstat(given->file_fd, seen) != 0)
        return fail_call("reading the file's size", errno);
    if (S_ISREG(seen->st_mode) || (given->command == COMMAND_READ && S_ISBLK(seen->st_mode)))
        return 0;
    return fail("--file \"%s\" is no regular file: name one that is", given->file);
}

static int check_direct(const options *given)
{
    int fd = given->direct != 0 ? file_open(given, O_RDONLY) : -1;
    if (given->direct != 0 && fd < 0)
        return FILE_REFUSED;
    if (fd >= 0)
        close(fd);
    return FILE_READY;
}

static int open_named(options *given)
{
    struct stat seen;
    given->file_is_named = true;
    given->file_fd = open(given->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return check_named(given, &seen);
}

static int prepare(options *given, uint64_t length, void fill(char *chunk, uint64_t at))
{
    if (given->file == NULL) {
        if (make_temporary(given) != 0 || fill_file(given->file_fd, length, fill) != 0)
            return FILE_FAILED;
    } else if (open_named(given) != 0) {
        return FILE_REFUSED;
    }
    if (file_size(given->file_fd) < given->size) {
        fail("--file \"%s\" has %llu bytes, fewer than the %llu of one read: name a longer one",
             given->file, (unsigned long long)file_size(given->file_fd),
             (unsigned long long)given->size);
        return FILE_REFUSED;
    }
    int status = check_direct(given);
    if (status == FILE_READY && given->direct == 0 && warm(given) != 0)
        status = FILE_FAILED;
    return status;
}

int file_prepare_read(options *given)
{
    progress_show("%s: making the file ready", command_name(given->command));
    return prepare(given, made_length(given), fill_numbers);
}

int file_prepare_lines(options *given)
{
    progress_show("lines: making the file ready");
    return prepare(given, given->total, fill_text);
}

/* The file is there or is made; what it holds is given up, so it counts as free. */
static int claim_named(options *given)
{
    struct stat seen;
    struct statvfs disk;
    given->file_is_named = true;
    given->file_fd = open(given->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    given->file_is_ours = given->file_fd >= 0;
    if (given->file_fd < 0)
        given->file_fd = open(given->file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (check_named(given, &seen) != 0)
        return -1;
    if (fstatvfs(given->file_fd, &disk) != 0)
        return fail_call("reading how much disk is free", errno);
    return check_room(&disk, given->total, (uint64_t)seen.st_blocks * 512);
}

int file_prepare_write(options *given)
{
    if (given->file == NULL && make_temporary(given) != 0)
        return FILE_FAILED;
    if (given->file != temporary && claim_named(given) != 0)
        return FILE_REFUSED;
    return check_direct(given);
}

void file_give_back(options *given)
{
    progress_clear();
    if (given->file_fd >= 0)
        close(given->file_fd);
    if (given->file_is_ours)
        unlink(given->file);
    given->file_fd = -1;
}
