/* Directories without an index. */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include "connection.h"
#include "path.h"

/* Answers with a page of the names in a directory. 0 or -errno: the connection is to be closed. */
int listing_answer(struct connection *self, const struct path *path);

#endif
