/*
 * Which file a descriptor or a path meant when it was looked at, to tell later whether it still
 * does: a descriptor that was closed may mean another file by now, and a path may have been given
 * to one. While the file is open its inode is not used again.
 */
#ifndef NET_WHICH_FILE_H
#define NET_WHICH_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

struct which_file {
    bool is_known; /* one was seen; the numbers may be any, 0 too */
    dev_t device;
    ino_t inode;
};

static inline struct which_file which_file(const struct stat *seen)
{
    return (struct which_file){.is_known = true, .device = seen->st_dev, .inode = seen->st_ino};
}

static inline bool is_same_file(struct which_file one, const struct stat *seen)
{
    return one.is_known && one.device == seen->st_dev && one.inode == seen->st_ino;
}

#endif
