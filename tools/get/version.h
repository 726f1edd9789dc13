/*
 * Which version of which file a .part holds the beginning of: a note beside it, NAME.part.from. A
 * download goes on from a .part only if the server still has that version; the server is asked by
 * If-Range, with what it called the version: its ETag or, where there is none that is good for
 * this, the time of its last change, if that was long enough ago for another to have another time.
 */
#ifndef GET_VERSION_H
#define GET_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "directory.h"

struct version {
    char validator[256]; /* for If-Range; "": the server gave nothing that is good for it */
    int64_t size;        /* of the whole file; -1: not known */
};

/* What an answer's headers say; each may be NULL. */
struct version version_of(const char *etag, const char *last_modified, const char *date,
                          int64_t size);

/* The text of a note, to be freed; NULL for want of memory. And what such a text says, which is cut
 * up: false if it is none, or not of this URL. */
char *version_compose(const struct version *self, const char *url);
bool version_parse(struct version *self, char *text, const char *url);

/* Reads the note. False if there is none for this URL, or it cannot be read or understood: then
 * nothing is known of the .part. */
bool version_read(struct version *self, const struct directory *directory, const char *note,
                  const char *url);

/* Writes the note anew. 0, or -errno. */
int version_write(const struct version *self, const struct directory *directory, const char *note,
                  const char *url);

#endif
