/* GET and HEAD. */
#ifndef HTTPD_FILES_H
#define HTTPD_FILES_H

#include "connection.h"
#include "path.h"

/* Answers with what is at the path: a file or a part of it, a directory's index or listing, or what
 * tells why not. 0 or -errno: the connection is to be closed. */
int files_answer(struct connection *self, const struct path *path);

#endif
