/* The model of walks: see walk_model.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/walk_model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static void add_line(struct record *record,
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *line;
    int len = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (len < 0)
        abort();
    while (record->len + (size_t)len + 1 > record->room) {
        record->room = record->room * 2 + 256;
        record->text = realloc(record->text, record->room);
        if (!record->text)
            abort();
    }
    memcpy(record->text + record->len, line, (size_t)len + 1);
    record->len += (size_t)len;
    free(line);
}

/* --- What is expected --- */

struct ancestor {
    const struct ancestor *above;
    dev_t device;
    ino_t inode;
};

struct expectation {
    struct record *record;
    unsigned flags;
};

static void expect_entry(const struct expectation *expected, int dirfd, const char *name,
                         const char *path, unsigned depth, const struct ancestor *above);

/* In the directory's own order. */
static int keep_order(const struct dirent **one, const struct dirent **other)
{
    (void)one;
    (void)other;
    return 0;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static int is_no_dot(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void expect_inside(const struct expectation *expected, int fd, const char *path,
                          unsigned depth, const struct ancestor *above)
{
    struct dirent **entries;
    bool sorted = expected->flags & WHORL_WALK_SORTED;
    int count = scandirat(fd, ".", &entries, is_no_dot, sorted ? by_bytes : keep_order);
    for (int i = 0; i < count; i++) {
        char *inner;
        const char *name = entries[i]->d_name;
        if (asprintf(&inner, "%s%s%s", path, *path ? "/" : "", name) < 0)
            abort();
        expect_entry(expected, fd, name, inner, depth, above);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static void expect_directory(const struct expectation *expected, int dirfd, const char *name,
                             const char *path, unsigned depth, const struct ancestor *above)
{
    struct stat status;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    add_line(expected->record, "dir %u %s\n", depth, path);
    if (fd < 0) {
        add_line(expected->record, "error %u %s %s\n", depth, path, strerrorname_np(errno));
    } else {
        fstat(fd, &status);
        struct ancestor self = {.above = above, .device = status.st_dev, .inode = status.st_ino};
        while (above && (above->device != self.device || above->inode != self.inode))
            above = above->above;
        if (above)
            add_line(expected->record, "error %u %s ELOOP\n", depth, path);
        else
            expect_inside(expected, fd, path, depth + 1, &self);
        close(fd);
    }
    add_line(expected->record, "end %u %s\n", depth, path);
}

static void expect_entry(const struct expectation *expected, int dirfd, const char *name,
                         const char *path, unsigned depth, const struct ancestor *above)
{
    struct stat status;
    bool follows = depth == 0 || (expected->flags & WHORL_WALK_FOLLOW);
    int flags = AT_SYMLINK_NOFOLLOW;
    if (!follows || fstatat(dirfd, name, &status, 0) != 0)
        fstatat(dirfd, name, &status, flags);
    if (S_ISDIR(status.st_mode))
        expect_directory(expected, dirfd, name, path, depth, above);
    else
        add_line(expected->record, "file %u %s %d\n", depth, path, (int)IFTODT(status.st_mode));
}

void expect_walk(struct record *record, const char *root, unsigned flags)
{
    struct expectation expected = {.record = record, .flags = flags};
    *record = (struct record){0};
    expect_entry(&expected, AT_FDCWD, root, "", 0, NULL);
}

/* --- What comes --- */

void record_visit(struct record *record, const whorl_walk_entry *entry)
{
    static const char *const names[] = {
        [WHORL_VISIT_DIR] = "dir",
        [WHORL_VISIT_DIR_END] = "end",
        [WHORL_VISIT_FILE] = "file",
        [WHORL_VISIT_ERROR] = "error",
    };
    add_line(record, "%s %u %s", names[entry->visit], entry->depth, entry->path);
    if (entry->visit == WHORL_VISIT_FILE)
        add_line(record, " %d", entry->type);
    if (entry->visit == WHORL_VISIT_ERROR)
        add_line(record, " %s", strerrorname_np(-entry->error));
    add_line(record, "\n");
}

static void check_entry(const whorl_walk_entry *entry)
{
    struct stat status;
    bool is_root = entry->depth == 0;
    check_equal(entry->error, 0);
    check(entry->visit == WHORL_VISIT_FILE || entry->type == DT_DIR);
    if (fstatat(entry->dirfd, entry->name, &status, is_root ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
        check_equal(status.st_ino, entry->inode);
    else
        check_equal(errno, EACCES); /* the directory may be read but not searched */
    const char *slash = strrchr(entry->path, '/');
    if (!is_root)
        check_text(entry->name, slash ? slash + 1 : entry->path);
}

int record_walk(struct record *record, const char *root, unsigned flags)
{
    whorl_walk walk;
    whorl_walk_entry entry;
    *record = (struct record){0};
    int result = whorl_walk_begin(&walk, root, flags);
    if (result < 0)
        return result;
    while ((result = whorl_walk_next(&walk, &entry)) == 1) {
        record_visit(record, &entry);
        if (entry.visit != WHORL_VISIT_ERROR)
            check_entry(&entry);
    }
    check_equal(whorl_walk_end(&walk), 0);
    return result;
}

void compare_records(struct record *actual, struct record *expected)
{
    const char *one = actual->text ? actual->text : "", *other = expected->text;
    size_t at = 0;
    while (one[at] && one[at] == other[at])
        at++;
    while (at > 0 && one[at - 1] != '\n')
        at--;
    if (strcmp(one, other) != 0)
        check_failed("a walk visits \"%.100s\", not \"%.100s\"", one + at, other + at);
    free(actual->text);
    free(expected->text);
}
