/*
 * Files that are open. One that was asked for a moment ago is not opened again: its descriptor, the
 * headers that describe it and, if it is small, its content are kept. After --file-cache seconds
 * the name is opened anew, and what it leads to compared with what is kept. Nothing is kept without
 * that time, and never more than CACHE_MOST files; the one that was not used for longest goes
 * first.
 *
 * An entry is either in the table, or in use, or both; when it is neither, it is closed.
 */
#ifndef HTTPD_CACHE_H
#define HTTPD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "condition.h"
#include "path.h"

enum { CACHE_MOST = 256, CACHE_BUCKETS = 512, CACHE_SMALL = 16384 };

struct entry {
    int fd;        /* -1: the content is here */
    char *content; /* NULL: it is not here */
    int64_t size;
    struct validators validators;
    char headers[384];     /* these, one behind the other: */
    size_t validators_len; /* Last-Modified and ETag, */
    size_t entity_len;     /* then Accept-Ranges and Content-Type, */
    size_t headers_len;    /* then Content-Length */
    struct stat stat;      /* of what was opened */
    int64_t checked;       /* when it was, as whorl_now counts */
    unsigned users;
    struct entry *next_in_bucket, **link; /* link is NULL: not in the table */
    struct entry *older, *newer;          /* by use */
    uint64_t hash;
    char name[]; /* below the root; that of a directory ends with a slash */
};

struct cache {
    int root;
    int64_t keep; /* ns; 0: nothing is kept */
    unsigned count;
    uint64_t forgotten; /* how often cache_forget was called */
    struct entry *oldest, *newest;
    struct entry *buckets[CACHE_BUCKETS];
};

void cache_init(struct cache *self, int root, int64_t keep);
void cache_drop(struct cache *self);

/* The regular file at a path; of a directory, its index.html. Puts the entry at *out, to be given
 * back by cache_release. 0 or -errno, among them
 *   -EISDIR  a directory, asked for without a slash at its end
 *   -ENOENT  also: a directory without index.html
 *   -EXDEV   a link leads out of the root
 *   -EACCES  also: neither a file nor a directory */
int cache_open(struct cache *self, const struct path *path, struct entry **out);
void cache_release(struct cache *self, struct entry *entry);

/* Has the next cache_open look again. */
void cache_forget(struct cache *self, const struct path *path);

/* Opens what is below a root, and follows no link out of it. A descriptor, or -errno. */
int open_beneath(int root, const char *name, uint64_t flags);

#endif
