/*
 * A request as it is parsed, by llhttp, in the memory in which it was received. Nothing here waits
 * or knows of streams.
 *
 *     empty --feed--> head, in part --feed--> complete --body--> body, in part --body--> done
 *       '----------------'--> refused                '--------------'--> refused
 *
 * While the head is fed, what came before must still stand before what is new, but may have moved:
 * places in it are kept as distances from its first byte, and are good as long as its bytes are.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The headers that mean something here; those of the connection and the body's length are
 * llhttp's. */
enum field {
    FIELD_HOST,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_RANGE,
    FIELD_CONTENT_RANGE,
    FIELD_CONTENT_ENCODING,
    FIELD_IF_RANGE,
    FIELD_IF_MATCH,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_UNMODIFIED_SINCE,
    FIELDS,
};

struct span {
    size_t at; /* from the head's first byte; 0: it is not there */
    size_t len;
};

/* Another line of a header that may have several, since it is a list. */
struct line {
    enum field field;
    struct span value;
};

enum { LINES_MOST = 16 };

struct words {
    const char *text;
    size_t len;
};

/* Takes a piece of the body; it may wait. 0, or the status that refuses it. */
typedef int request_sink(void *arg, const char *data, size_t len);

struct request {
    llhttp_t parser;
    const char *head;
    size_t begin;    /* of the method: behind the empty lines that may come before it */
    bool has_method; /* one that llhttp knows */
    size_t fed;      /* bytes of the head that it has seen; of a refused one, all that came */
    size_t target_most, head_most;
    struct span target;
    struct span name, value; /* of the header that is being parsed */
    struct span fields[FIELDS];
    struct line more[LINES_MOST]; /* of lists, beyond the first of each */
    size_t more_count;
    int status; /* of a refusal; 0: none */
    bool done;  /* the body was read to its end, or there is none */
    char *kept; /* by request_keep; to be freed */
    request_sink *sink;
    void *sink_arg;
    uint64_t body_raw, body_data; /* bytes of the body as they came; those that are content */
};

enum request_state { REQUEST_INCOMPLETE, REQUEST_COMPLETE, REQUEST_REFUSED };

/* The largest target, and head, in bytes. */
void request_init(struct request *self, size_t target_most, size_t head_most);

/* Parses the head. `head` holds all that was fed before, and what is new. When it is complete,
 * self->fed is its length; when it is refused, self->status says why. */
enum request_state request_feed(struct request *self, const char *head, size_t len);

/* The value of a header, without space around it. False: it was not sent. */
bool request_field(const struct request *self, enum field field, struct words *value);

/* The same of a list's line, counted from 0. */
bool request_line_of(const struct request *self, enum field field, size_t line,
                     struct words *value);

/* Whether the words are these, in capitals or not. */
bool words_are(struct words words, const char *text);

static inline struct words request_target(const struct request *self)
{
    return (struct words){self->head + self->target.at, self->target.len};
}

/* "GET /index.html HTTP/1.1", as far as it came. */
struct words request_line(const struct request *self);

/* Copies the head, which is good then while the body is read, too. False: there is no memory. */
bool request_keep(struct request *self);

/* Of a complete head: whether a body follows; its length, or -1 if that is not known before. */
bool request_has_body(const struct request *self);
int64_t request_body_length(const struct request *self);

/* Gives what the body holds to the sink. *used gets how many of the bytes were the body's; those
 * behind it are the next request's. */
enum request_state request_body(struct request *self, const char *data, size_t len, size_t *used);

#endif
