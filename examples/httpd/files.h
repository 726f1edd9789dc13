/* GET and HEAD. */
#ifndef HTTPD_FILES_H
#define HTTPD_FILES_H

#include "connection.h"
#include "path.h"

/* Answers with the file at the path; of a directory, with its index.html, or its listing. 0 or
 * -errno: the connection is to be closed. */
int files_answer(struct connection *self, const struct path *path);

/* Opens what is below the served directory, and follows no link out of it. A descriptor, or
 * -errno. */
int open_beneath(int root, const char *name, uint64_t flags);

#endif
