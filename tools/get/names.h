/*
 * File names for URLs. A server, or who wrote a list of URLs, must not choose a name that harms:
 * one that leads elsewhere, is hidden, or does something to a terminal.
 */
#ifndef GET_NAMES_H
#define GET_NAMES_H

#include <stdbool.h>

/* The longest name of a file, so that what stands behind it while it is written has room too. */
enum { NAMES_MAX = 255 - sizeof ".part.from" + 1 };

/* The name for a URL's path, which is still percent-encoded: its last segment, decoded; what may
 * not be in a name becomes "_"; "index.html" where it is empty. To be freed; NULL for want of
 * memory. */
char *names_from_path(const char *path);

/* True if a name that the user chose is one: not empty, no path, no control characters. */
bool names_is_good(const char *name);

#endif
