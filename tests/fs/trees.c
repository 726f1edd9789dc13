/* Trees for tests: see trees.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fs/trees.h"

#include "fs/small_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { FILE_MOST = 20000, HOLE = 300000, LEVELS = 5, PATH_ROOM = 700 };

/* --- Growing --- */

typedef struct growth {
    random_source *source;
    unsigned left; /* entries to make */
    unsigned with;
    uint64_t serial;
    tree_figures figures;
} growth;

static void grow_file(growth *growing, const char *path)
{
    static char data[FILE_MOST];
    size_t len = random_below(growing->source, 4) == 0
                     ? 0
                     : (size_t)random_below(growing->source, FILE_MOST);
    fill_pattern(data, len, growing->serial);
    write_whole(path, data, len);
    growing->figures.files++;
    growing->figures.bytes += len;
    if (!(growing->with & GROW_HOLES) || random_below(growing->source, 3) != 0)
        return;
    /* Data, a hole, data or nothing, a hole. */
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    off_t size = HOLE + (off_t)random_below(growing->source, HOLE);
    if (random_below(growing->source, 2) == 0)
        check_equal(pwrite(fd, "middle", 6, HOLE / 2), 6);
    check_equal(ftruncate(fd, size), 0);
    close(fd);
    growing->figures.bytes += (uint64_t)size - len;
}

static void grow_link(growth *growing, const char *path)
{
    static const char *const targets[] = {"nowhere", "..", ".", "/etc/passwd", "a/b/../c"};
    const char *target = targets[random_below(growing->source, count_of(targets))];
    check_equal(symlink(target, path), 0);
    growing->figures.links++;
}

static void grow_special(growth *growing, const char *path)
{
    static const mode_t kinds[] = {S_IFIFO | 0640, S_IFSOCK | 0755, S_IFCHR | 0600, S_IFBLK | 0660};
    size_t few = geteuid() == 0 ? count_of(kinds) : 2;
    mode_t mode = kinds[random_below(growing->source, few)];
    check_equal(mknod(path, mode, makedev(1, 3)), 0);
    growing->figures.specials++;
}

static mode_t random_mode(growth *growing, bool is_directory)
{
    static const mode_t files[] = {0644, 0600, 0444, 0755, 0000, 04755, 02755, 0666};
    static const mode_t directories[] = {0755, 0700, 0500, 0555, 01777, 02775, 0100, 0777};
    size_t which = random_below(growing->source, count_of(files));
    mode_t mode = is_directory ? directories[which] : files[which];
    /* Who is not root cannot read what is closed to him. */
    if (geteuid() != 0)
        mode |= 0500;
    return mode;
}

static void grow(growth *growing, const char *path, unsigned level);

static void grow_entry(growth *growing, const char *path, unsigned level)
{
    char name[PATH_ROOM];
    uint64_t kind = random_below(growing->source, 10);
    snprintf(name, sizeof name, "%s/%s%ju", path, kind == 1 ? ".hidden " : "entry-",
             (uintmax_t)growing->serial++);
    growing->left--;
    if (kind >= 8 && level < LEVELS)
        grow(growing, name, level + 1);
    else if (kind == 7)
        grow_link(growing, name);
    else if (kind == 6 && growing->with & GROW_SPECIALS)
        grow_special(growing, name);
    else
        grow_file(growing, name);
    if (kind < 6 && growing->with & GROW_MODES)
        check_equal(chmod(name, random_mode(growing, false)), 0);
}

static void grow(growth *growing, const char *path, unsigned level)
{
    make_directory(path);
    growing->figures.directories++;
    unsigned most = level == 0 ? growing->left : (unsigned)random_below(growing->source, 40);
    for (unsigned i = 0; i < most && growing->left > 0; i++)
        grow_entry(growing, path, level);
    if (growing->with & GROW_MODES)
        check_equal(chmod(path, random_mode(growing, true)), 0);
}

tree_figures grow_tree(const char *path, random_source *source, unsigned entries, unsigned with)
{
    growth growing = {.source = source, .left = entries, .with = with};
    grow(&growing, path, 0);
    return growing.figures;
}

void make_directory(const char *path)
{
    if (mkdir(path, 0755) != 0)
        check_failed("mkdir %s: %s", path, strerror(errno));
}

/* --- Comparing --- */

typedef struct comparison {
    unsigned how;
    bool is_same;
} comparison;

static void differ(comparison *between, const char *what, const char *path)
{
    between->is_same = false;
    check_failed("the copy has other %s: %s", what, path);
}

static int by_name(const void *one, const void *two)
{
    return strcmp(*(char *const *)one, *(char *const *)two);
}

/* The names in a directory, sorted, ended by NULL; all malloced. */
static char **names_of(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) {
        check_failed("opendir %s: %s", path, strerror(errno));
        return calloc(1, sizeof(char *));
    }
    size_t count = 0, room = 16;
    char **names = malloc(room * sizeof *names);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (count + 1 == room)
            names = realloc(names, (room *= 2) * sizeof *names);
        names[count++] = strdup(entry->d_name);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, by_name);
    names[count] = NULL;
    return names;
}

static void free_names(char **names)
{
    for (char **name = names; *name; name++)
        free(*name);
    free(names);
}

static void compare_links(comparison *between, const char *one, const char *two)
{
    char first[PATH_ROOM], second[PATH_ROOM];
    ssize_t len = readlink(one, first, sizeof first);
    if (len < 0 || readlink(two, second, sizeof second) != len ||
        memcmp(first, second, (size_t)len) != 0)
        differ(between, "target", one);
}

static void compare_times(comparison *between, const struct stat *a, const struct stat *b,
                          const char *path)
{
    bool is_same =
        a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
    if (between->how & SAME_TIMES && !is_same)
        differ(between, "time", path);
}

static void compare(comparison *between, const char *one, const char *two);

static void compare_directories(comparison *between, const char *one, const char *two)
{
    char **first = names_of(one), **second = names_of(two), first_path[PATH_ROOM],
         second_path[PATH_ROOM];
    char **a = first, **b = second;
    while (*a || *b) {
        int order = !*a ? 1 : !*b ? -1 : strcmp(*a, *b);
        const char *name = order <= 0 ? *a : *b;
        snprintf(first_path, sizeof first_path, "%s/%s", one, name);
        snprintf(second_path, sizeof second_path, "%s/%s", two, name);
        if (order == 0)
            compare(between, first_path, second_path);
        else if (order > 0 || !(between->how & AT_MOST))
            differ(between, order < 0 ? "entries (it lacks one)" : "entries (it has one more)",
                   first_path);
        a += order <= 0;
        b += order >= 0;
    }
    free_names(first);
    free_names(second);
}

static void compare(comparison *between, const char *one, const char *two)
{
    struct stat a, b;
    if (lstat(one, &a) != 0 || lstat(two, &b) != 0) {
        differ(between, "state (it cannot be looked at)", one);
        return;
    }
    if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT)) {
        differ(between, "type", one);
        return;
    }
    bool is_open = between->how & AT_MOST && S_ISDIR(a.st_mode) && (b.st_mode & 0700) == 0700;
    if (a.st_mode != b.st_mode && !is_open && !(between->how & SAME_BUT_MODES))
        differ(between, "mode", one);
    compare_times(between, &a, &b, one);
    if (S_ISREG(a.st_mode) && (a.st_size != b.st_size || !files_are_equal(one, two)))
        differ(between, "content", one);
    if (S_ISREG(a.st_mode) && b.st_blocks > a.st_blocks + 16)
        differ(between, "holes", one);
    if (S_ISLNK(a.st_mode))
        compare_links(between, one, two);
    if ((S_ISCHR(a.st_mode) || S_ISBLK(a.st_mode)) && a.st_rdev != b.st_rdev)
        differ(between, "device", one);
    if (S_ISDIR(a.st_mode))
        compare_directories(between, one, two);
}

bool trees_are_same(const char *one, const char *two, unsigned how)
{
    comparison between = {.how = how, .is_same = true};
    compare(&between, one, two);
    return between.is_same;
}

/* --- Chains --- */

void make_chain(const char *path, const char *name, unsigned depth)
{
    make_directory(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned level = 1; level < depth; level++) {
        check_equal(mkdirat(fd, name, 0755), 0);
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = below;
    }
    int end = openat(fd, "end", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    check_equal(write(end, "end", 3), 3);
    close(end);
    close(fd);
}

unsigned chain_depth(const char *path, bool *has_end)
{
    unsigned depth = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *has_end = false;
    while (fd >= 0) {
        depth++;
        *has_end = faccessat(fd, "end", F_OK, 0) == 0;
        int below = -1;
        DIR *directory = fdopendir(fd);
        for (struct dirent *entry; below < 0 && (entry = readdir(directory));)
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                below = openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        closedir(directory);
        fd = below;
    }
    return depth;
}

bool exists(const char *path)
{
    struct stat seen;
    return lstat(path, &seen) == 0;
}

bool is_empty(const char *path)
{
    return names_in(path) == 0;
}
