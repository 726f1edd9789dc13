/* See request.h. llhttp calls the functions here for each piece of what it is given; a piece that
 * came in two parts is told in two, which lie one behind the other. */
#include "request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of a body that are no content (lengths of chunks, what may stand behind them, trailers):
 * a few for each byte of content, and some more. */
enum { FRAMING_MOST = 65536, FRAMING_RATIO = 8 };

/* Bytes in which a method must end; those that llhttp knows do. */
enum { METHOD_MOST = 32 };

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define TOKEN LETTERS DIGITS "!#$%&'*+-.^_`|~" /* RFC 9110, 5.6.2 */

static const char *const names[FIELDS] = {
    [FIELD_HOST] = "Host",
    [FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
    [FIELD_EXPECT] = "Expect",
    [FIELD_RANGE] = "Range",
    [FIELD_CONTENT_RANGE] = "Content-Range",
    [FIELD_CONTENT_ENCODING] = "Content-Encoding",
    [FIELD_IF_RANGE] = "If-Range",
    [FIELD_IF_MATCH] = "If-Match",
    [FIELD_IF_NONE_MATCH] = "If-None-Match",
    [FIELD_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [FIELD_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
};

/* --- Words --- */

bool words_are(struct words words, const char *text)
{
    return words.len == strlen(text) && strncasecmp(words.text, text, words.len) == 0;
}

/* As strspn(3), of what ends with no zero byte. */
static size_t span_of(const char *text, size_t len, const char *set)
{
    size_t at = 0;
    while (at < len && text[at] != '\0' && strchr(set, text[at]) != NULL)
        at++;
    return at;
}

bool request_field(const struct request *self, enum field field, struct words *value)
{
    *value = (struct words){self->head + self->fields[field].at, self->fields[field].len};
    return self->fields[field].at != 0;
}

bool request_line_of(const struct request *self, enum field field, size_t line, struct words *value)
{
    if (line == 0)
        return request_field(self, field, value);
    for (size_t i = 0; i < self->more_count; i++)
        if (self->more[i].field == field && --line == 0) {
            struct span span = self->more[i].value;
            *value = (struct words){self->head + span.at, span.len};
            return true;
        }
    return false;
}

struct words request_line(const struct request *self)
{
    size_t begin = self->begin, end = begin;
    while (end < self->fed && self->head[end] != '\r' && self->head[end] != '\n')
        end++;
    return (struct words){self->head + begin, end - begin};
}

bool request_keep(struct request *self)
{
    self->kept = malloc(self->fed);
    if (self->kept != NULL)
        self->head = memcpy(self->kept, self->head, self->fed);
    return self->kept != NULL;
}

/* --- What llhttp calls --- */

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

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    extend(self, &self->target, at, len);
    return self->target.len > self->target_most ? refuse(self, 414) : 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    extend(self, &self->name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct request *self = parser->data;
    extend(self, &self->value, at, len);
    return 0;
}

/* Those by which llhttp finds the end of a message. It takes a tab there for a part of a word. */
static bool is_of_framing(struct words name)
{
    return words_are(name, "Transfer-Encoding") || words_are(name, "Content-Length") ||
           words_are(name, "Connection");
}

static bool is_list(enum field field)
{
    return field == FIELD_IF_MATCH || field == FIELD_IF_NONE_MATCH;
}

static bool is_date(enum field field)
{
    return field == FIELD_IF_MODIFIED_SINCE || field == FIELD_IF_UNMODIFIED_SINCE;
}

/* Lists may come in several lines, other headers in one; several dates are none, and are ignored
 * as such (RFC 9110, 13.1.3 and 13.1.4). */
static int note(struct request *self, enum field field, struct span value)
{
    while (value.len > 0 && isblank((unsigned char)self->head[value.at + value.len - 1]))
        value.len--;
    if (self->fields[field].at == 0)
        self->fields[field] = value;
    else if (is_date(field))
        self->fields[field].len = 0;
    else if (is_list(field) && self->more_count < LINES_MOST)
        self->more[self->more_count++] = (struct line){field, value};
    else
        return refuse(self, is_list(field) ? 431 : 400);
    return 0;
}

/* A header is whole. A value that goes on in a second line is an old form that may hide things from
 * whoever reads it otherwise; so may a header that comes twice, and one without a name. */
static int on_header_value_complete(llhttp_t *parser)
{
    struct request *self = parser->data;
    struct span name = self->name, value = self->value;
    struct words word = {self->head + name.at, name.len};
    self->name = self->value = (struct span){0};
    size_t behind = name.at + name.len; /* the first line of the two may be empty */
    if (name.len == 0)
        return refuse(self, 400);
    if (value.len > 0 && memchr(self->head + behind, '\n', value.at + value.len - behind) != NULL)
        return refuse(self, 400);
    if (is_of_framing(word) && memchr(self->head + value.at, '\t', value.len) != NULL)
        return refuse(self, 400);
    for (int i = 0; i < FIELDS; i++)
        if (words_are(word, names[i]))
            return note(self, (enum field)i, value);
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

static const llhttp_settings_t of_head = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* Trailers mean nothing here. */
static const llhttp_settings_t of_body = {
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- The head --- */

void request_init(struct request *self, size_t target_most, size_t head_most)
{
    *self = (struct request){.target_most = target_most, .head_most = head_most};
    llhttp_init(&self->parser, HTTP_REQUEST, &of_head);
    self->parser.data = self;
}

static bool is_method(const char *word, size_t len)
{
#define NAME(number, name, string) #string,
    static const char *const methods[] = {
        HTTP_METHOD_MAP(NAME) "PRI", /* by which HTTP/2 begins, as llhttp tells */
    };
#undef NAME
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (len == strlen(methods[i]) && memcmp(word, methods[i], len) == 0)
            return true;
    return false;
}

/* To llhttp a method that it does not know is no HTTP at all, from the first byte on that tells. So
 * it sees none before that is whole, and known. 0: not yet; else the status that refuses it. */
static int judge_method(struct request *self, size_t len)
{
    const char *head = self->head;
    while (self->begin < len && (head[self->begin] == '\r' || head[self->begin] == '\n'))
        self->begin++;
    const char *word = head + self->begin;
    size_t left = len - self->begin;
    size_t word_len = span_of(word, left < METHOD_MOST ? left : METHOD_MOST, TOKEN);
    if (word_len == METHOD_MOST)
        return 501;
    if (word_len == left)
        return len > self->head_most ? 431 : 0;
    self->has_method = is_method(word, word_len);
    return self->has_method ? 0 : word_len > 0 && word[word_len] == ' ' ? 501 : 400;
}

/* Of what llhttp does not take. */
static int status_of_error(const struct request *self, llhttp_errno_t error)
{
    if (self->status != 0)
        return self->status;
    return error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE ? 505 : 400;
}

/* The length of a name with which a host begins (RFC 3986, 3.2.2): of bytes that stand for
 * themselves, or are written %XX. */
static size_t name_len(struct words host)
{
    static const char plain[] = LETTERS DIGITS "-._~!$&'()*+,;=";
    for (size_t at = 0;;) {
        const char *text = host.text + at;
        bool is_coded = host.len - at >= 3 && *text == '%' && isxdigit((unsigned char)text[1]) &&
                        isxdigit((unsigned char)text[2]);
        size_t more = is_coded ? 3 : span_of(text, host.len - at, plain);
        if (more == 0)
            return at;
        at += more;
    }
}

/* The length of [ADDRESS] with which a host begins; 0: it does not. */
static size_t literal_len(struct words host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *end = host.len > 0 ? memchr(host.text, ']', host.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - host.text) : 0;
    if (len == 0 || host.text[0] != '[' || len > sizeof text)
        return 0;
    memcpy(text, host.text + 1, len - 1);
    text[len - 1] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1 ? len + 1 : 0;
}

/* RFC 9110, 7.2: a name or an address, and maybe a port. It may be empty. */
static bool is_host(struct words host)
{
    size_t at = literal_len(host);
    if (at == 0)
        at = name_len(host);
    if (at < host.len && host.text[at] == ':')
        at += 1 + span_of(host.text + at + 1, host.len - at - 1, DIGITS);
    return at == host.len;
}

/* What llhttp leaves to us of a head that it takes. */
static int judge(const struct request *self)
{
    const llhttp_t *parser = &self->parser;
    const char *version = self->head + self->target.at + self->target.len;
    struct words coding, host;
    if (self->fed > self->head_most)
        return 431;
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
    return words_are(coding, "chunked") ? 0 : 501;
}

/* Of a head of which more is to come. */
static int status_of_size(const struct request *self)
{
    bool in_target = self->target.at == 0 || self->target.at + self->target.len == self->fed;
    if (self->fed <= self->head_most)
        return 0;
    return in_target ? 414 : 431;
}

/* Has llhttp see what is new. */
static llhttp_errno_t parse_head(struct request *self, size_t len)
{
    const char *head = self->head;
    llhttp_errno_t error = llhttp_execute(&self->parser, head + self->fed, len - self->fed);
    self->fed = error == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(&self->parser) - head) : len;
    self->status = error == HPE_OK       ? status_of_size(self)
                   : error == HPE_PAUSED ? judge(self)
                                         : status_of_error(self, error);
    return error;
}

enum request_state request_feed(struct request *self, const char *head, size_t len)
{
    llhttp_errno_t error = HPE_OK;
    self->head = head;
    if (!self->has_method)
        self->status = judge_method(self, len);
    if (self->has_method && self->fed < len)
        error = parse_head(self, len);
    if (self->status != 0) {
        self->fed = len;
        return REQUEST_REFUSED;
    }
    if (error == HPE_OK)
        return REQUEST_INCOMPLETE;
    self->done = !request_has_body(self);
    self->parser.settings = (void *)&of_body;
    self->parser.upgrade = 0; /* nobody here changes the protocol */
    llhttp_resume(&self->parser);
    return REQUEST_COMPLETE;
}

/* --- The body --- */

bool request_has_body(const struct request *self)
{
    return (self->parser.flags & F_CHUNKED) != 0 || self->parser.content_length > 0;
}

int64_t request_body_length(const struct request *self)
{
    uint64_t length = self->parser.content_length;
    if ((self->parser.flags & F_CHUNKED) != 0)
        return -1;
    return length <= INT64_MAX ? (int64_t)length : INT64_MAX;
}

enum request_state request_body(struct request *self, const char *data, size_t len, size_t *used)
{
    llhttp_errno_t error = llhttp_execute(&self->parser, data, len);
    *used = error == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&self->parser) - data);
    self->body_raw += *used;
    if (error == HPE_PAUSED && self->done)
        return REQUEST_COMPLETE;
    bool frames = self->body_raw - self->body_data > FRAMING_MOST + FRAMING_RATIO * self->body_data;
    if (self->status == 0 && (error != HPE_OK || frames))
        self->status = 400;
    return self->status == 0 ? REQUEST_INCOMPLETE : REQUEST_REFUSED;
}
