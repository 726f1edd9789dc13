/*
 * Buffered files on a block device, which has a position and an end, but no size that stat(2) tells
 * of: the device of a small disk, whose last blocks are read plainly and past the cache.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/forbid.h"
#include "fs/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 10000 }; /* bytes before the end, not whole blocks */

static char expected[TAIL];
static char found[TAIL + 1];

static void read_the_tail(int flags)
{
    whorl_file *file;
    int plain = open("device", O_RDONLY | O_CLOEXEC);
    off_t end = lseek(plain, 0, SEEK_END);
    check_equal(pread(plain, expected, TAIL, end - TAIL), TAIL);
    check_equal(close(plain), 0);
    if (!check_equal(whorl_file_open("device", O_RDONLY | flags, NULL, &file), 0))
        return;
    check_equal(whorl_file_seek(file, 0, SEEK_END), end);
    check_equal(whorl_file_read(file, found, 1), 0);
    check_equal(whorl_file_eof(file), 1);
    check_equal(whorl_file_seek(file, -TAIL, SEEK_END), end - TAIL);
    check_equal(whorl_file_tell(file), end - TAIL);
    check_equal(whorl_file_read(file, found, sizeof found), TAIL);
    check_equal(memcmp(found, expected, TAIL), 0);
    check_equal(whorl_file_tell(file), end);
    check_equal(whorl_file_truncate(file, 0), -EINVAL);
    check_equal(whorl_file_close(file), 0);
}

static void make_device(const char *root)
{
    struct stat status;
    check_equal(stat(root, &status), 0);
    check_equal(mknod("device", S_IFBLK | 0600, status.st_dev), 0);
}

static intptr_t read_the_device(void *root)
{
    make_device(root);
    read_the_tail(0);
    read_the_tail(O_DIRECT);
    return 0;
}

static void the_end_of_a_device_is_found(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, read_the_device);
}

static intptr_t seek_where_no_size_is_told(void *root)
{
    whorl_file *file;
    char byte;
    make_device(root);
    check_equal(whorl_file_open("device", O_RDONLY, NULL, &file), 0);
    check_equal(whorl_file_read(file, &byte, 1), 1);
    check_equal(forbid_argument(SYS_ioctl, 1, (unsigned)BLKGETSIZE64, EACCES), 0);
    check_equal(whorl_file_seek(file, 0, SEEK_END), -EACCES);
    check_equal(whorl_file_tell(file), 1);
    check_equal(whorl_file_read(file, &byte, 1), 1);
    return whorl_file_close(file);
}

static void a_device_that_does_not_tell_its_size_keeps_its_place(void **state)
{
    (void)state;
    run_on_small_disk(DISK_EXT4, DISK_BYTES, seek_where_no_size_is_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(the_end_of_a_device_is_found),
        behaviour(a_device_that_does_not_tell_its_size_keeps_its_place),
    };
    return run_behaviours("file device", tests);
}
