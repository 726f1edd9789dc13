/*
 * Names of files, as requests and pages have them.
 *
 * From the target of a request comes a path below the served directory, which never begins with a
 * slash, and has no empty part, no "." and no "..": it cannot lead out of the directory but by a
 * symbolic link, which the kernel refuses to follow there (RESOLVE_BENEATH).
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct path {
    char name[PATH_MAX]; /* "" is the served directory itself */
    size_t len;
    bool directory; /* the target ended with a slash, as that of a directory does */
};

/* Decodes a target: /path?query, or http://host/path?query. 0, or the status of the refusal:
 *   400  no path, a broken or forbidden %XX, "..", or no host in http://host
 *   404  no file can have that name: a part has an encoded slash, is one of the server's temporary
 *        files, or is too long */
int path_decode(struct path *self, const char *target, size_t len);

/* The query of a target with its "?", or "" if it has none. *len gets its length. */
const char *path_query(const char *target, size_t target_len, size_t *len);

/* Writes a string as a part of HTML: < > & " ' become entities. */
void write_html(FILE *file, const char *string);

/* As the path of a URL: what is not unreserved (RFC 3986, 2.3) and no slash is written %XX. */
void write_uri(FILE *file, const char *string);

#endif
