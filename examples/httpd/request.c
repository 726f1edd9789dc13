/* See request.h. llhttp calls the functions here for each piece of what it is given; a piece that
 * came in two parts is told in two, which lie one behind the other. */
#include "request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of a body that are no content (lengths of chunks, what may stand behind them, trailers):
 * a few for each byte of content, and some more. */
enum { FRAMING_MOST = 65536, FRAMING_RATIO = 8 };

static const char *const names[FIELDS] = {
    [FIELD_HOST] = "Host",
    [FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [FIELD_EXPECT] = "Expect",
    [FIELD_RANGE] = "Range",
    [FIELD_CONTENT_RANGE] = "Content-Range",
    [FIELD_IF_RANGE] = "If-Range",
    [FIELD_IF_MATCH] = "If-Match",
    [FIELD_IF_NONE_MATCH] = "If-None-Match",
    [FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [FIELD_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
};

static int refuse(struct request *self, int status)
{
    self->status = status;
    return HPE_USER;
}

static void extend(const struct request *self, struct span *span, const char *at, size_t len)
{
    size_t begin = (size_t)(at - self->head);
    if (span->at == 0)
        span->at = begin;
    span->len = begin + len - span->at;
}

/* --- What llhttp calls --- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    extend(self, &self->target, at, len);
    return self->target.len > self->target_most ? refuse(self, 414) : 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    if (!self->in_body)
        extend(self, &self->name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    if (!self->in_body)
        extend(self, &self->value, at, len);
    return 0;
}

static void trim(const char *head, struct span *span)
{
    while (span->len > 0 && strchr(" \t", head[span->at + span->len - 1]) != NULL)
        span->len--;
}

/* A header is whole. A value that goes on in a second line is an old form that may hide things from
 * whoever reads it otherwise; so may a header that comes twice. */
static int on_header_value_complete(llhttp_t *parser)
{
    struct request *self = parser->data;
    struct span name = self->name, value = self->value;
    self->name = self->value = (struct span){0};
    if (self->in_body || name.len == 0)
        return 0;
    size_t behind = name.at + name.len; /* the first line of the two may be empty */
    if (value.len > 0 && memchr(self->head + behind, '\n', value.at + value.len - behind) != NULL)
        return refuse(self, 400);
    for (int i = 0; i < FIELDS; i++) {
        if (strlen(names[i]) != name.len || strncasecmp(names[i], self->head + name.at, name.len))
            continue;
        if (self->fields[i].at != 0)
            return refuse(self, 400);
        trim(self->head, &value);
        self->fields[i] = value;
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    self->body_data += len;
    int status = self->sink != NULL ? self->sink(self->sink_arg, at, len) : 0;
    return status != 0 ? refuse(self, status) : 0;
}

static int on_message_complete(llhttp_t *parser)
{
    struct request *self = parser->data;
    self->done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- The head --- */

void request_init(struct request *self, size_t target_most, size_t head_most)
{
    memset(self, 0, sizeof *self);
    llhttp_init(&self->parser, HTTP_REQUEST, &settings);
    self->parser.data = self;
    self->target_most = target_most;
    self->head_most = head_most;
}

/* A method that nobody knows is another thing than what is no HTTP at all. */
static int status_of_method(const char *head, size_t len)
{
    size_t at = 0, begin;
    while (at < len && strchr("\r\n", head[at]) != NULL)
        at++;
    for (begin = at; at < len && at - begin < 32; at++)
        if ((head[at] < 'A' || head[at] > 'Z') && head[at] != '-')
            break;
    return at > begin && at < len && head[at] == ' ' ? 501 : 400;
}

static int status_of_error(const struct request *self, llhttp_errno_t error, size_t len)
{
    switch (error) {
    case HPE_USER:
        return self->status;
    case HPE_INVALID_METHOD:
        return status_of_method(self->head, len);
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return 505;
    default:
        return 400;
    }
}

/* Whether a host, with a port or without, is of bytes that it may be of. Empty: the server's
 * own. */
static bool is_host(struct words host)
{
    static const char punctuation[] = "-._~%!$&'()*+,;=:[]";
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.text[i]) &&
            memchr(punctuation, host.text[i], sizeof punctuation - 1) == NULL)
            return false;
    return true;
}

/* What llhttp leaves to us of a head that it takes. */
static int judge(const struct request *self)
{
    const llhttp_t *parser = &self->parser;
    const char *version = self->head + self->target.at + self->target.len;
    struct words coding, host;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return 505;
    if (strncmp(version, " HTTP/", 6) != 0)
        return 400;
    bool has_host = request_field(self, FIELD_HOST, &host);
    if (has_host ? !is_host(host) : parser->http_minor == 1)
        return 400;
    if (!request_field(self, FIELD_TRANSFER_ENCODING, &coding))
        return 0;
    if (parser->http_minor == 0)
        return 400;
    return coding.len == 7 && strncasecmp(coding.text, "chunked", 7) == 0 ? 0 : 501;
}

static int status_of_size(const struct request *self, size_t len)
{
    bool in_target = self->target.at == 0 || self->target.at + self->target.len == len;
    if (len <= self->head_most)
        return 0;
    return in_target ? 414 : 431;
}

enum request_state request_feed(struct request *self, const char *head, size_t len)
{
    self->head = head;
    if (self->fed == len)
        return REQUEST_INCOMPLETE;
    llhttp_errno_t error = llhttp_execute(&self->parser, head + self->fed, len - self->fed);
    if (error == HPE_OK) {
        self->fed = len;
        self->status = status_of_size(self, len);
        return self->status == 0 ? REQUEST_INCOMPLETE : REQUEST_REFUSED;
    }
    self->fed = (size_t)(llhttp_get_error_pos(&self->parser) - head);
    if (error != HPE_PAUSED)
        self->status = status_of_error(self, error, len);
    else if (self->fed > self->head_most)
        self->status = 431;
    else
        self->status = judge(self);
    self->done = self->status == 0 && !request_has_body(self);
    return self->status == 0 ? REQUEST_COMPLETE : REQUEST_REFUSED;
}

bool request_field(const struct request *self, enum field field, struct words *value)
{
    const struct span *span = &self->fields[field];
    *value = (struct words){self->head + span->at, span->len};
    return span->at != 0;
}

char *request_keep(struct request *self)
{
    char *head = malloc(self->fed);
    if (head != NULL)
        self->head = memcpy(head, self->head, self->fed);
    return head;
}

struct words request_line(const struct request *self)
{
    size_t begin = 0, len = 0;
    while (begin < self->fed && strchr("\r\n", self->head[begin]) != NULL)
        begin++;
    while (begin + len < self->fed && self->head[begin + len] != '\r' &&
           self->head[begin + len] != '\n')
        len++;
    return (struct words){self->head + begin, len};
}

/* --- The body --- */

bool request_has_body(const struct request *self)
{
    return (self->parser.flags & F_CHUNKED) != 0 || self->parser.content_length > 0;
}

int64_t request_body_length(const struct request *self)
{
    if ((self->parser.flags & F_CHUNKED) != 0)
        return -1;
    return self->parser.content_length <= INT64_MAX ? (int64_t)self->parser.content_length
                                                    : INT64_MAX;
}

/* Before the body's first byte: on from where the head ended. */
static void begin_body(struct request *self)
{
    self->in_body = true;
    self->parser.upgrade = 0; /* nobody here changes the protocol */
    llhttp_resume(&self->parser);
}

enum request_state request_body(struct request *self, const char *data, size_t len, size_t *used)
{
    if (!self->in_body)
        begin_body(self);
    llhttp_errno_t error = llhttp_execute(&self->parser, data, len);
    *used = error == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&self->parser) - data);
    self->body_raw += *used;
    if (error == HPE_PAUSED && self->done)
        return REQUEST_COMPLETE;
    if (error != HPE_OK)
        self->status = self->status != 0 ? self->status : 400;
    else if (self->body_raw - self->body_data > FRAMING_MOST + FRAMING_RATIO * self->body_data)
        self->status = 400;
    return self->status == 0 ? REQUEST_INCOMPLETE : REQUEST_REFUSED;
}
