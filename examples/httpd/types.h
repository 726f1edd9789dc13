/* What kind of content a file has, by its name. */
#ifndef HTTPD_TYPES_H
#define HTTPD_TYPES_H

/* The media type for a path; application/octet-stream where the name does not tell. Static. */
const char *type_of(const char *path);

#endif
