/* PUT. */
#ifndef HTTPD_UPLOAD_H
#define HTTPD_UPLOAD_H

#include "connection.h"
#include "path.h"

/* Stores the request's body at the path, and answers. 0 or -errno: the connection is to be closed.
 */
int upload_answer(struct connection *self, const struct path *path);

#endif
