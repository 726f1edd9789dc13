/*
 * See answer.h. The rules of ranges are those of RFC 9110, 14 and 15.3.7: a server that has another
 * version than the one that If-Range names sends the whole of it, and so does one that knows no
 * ranges.
 */
#include "answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits, neither a sign nor spaces before them, that fit; *at is moved behind them. -1: there are
 * none, or too many. */
static int64_t take_number(const char **at)
{
    char *end;
    if (**at < '0' || **at > '9')
        return -1;
    errno = 0;
    int64_t value = strtoll(*at, &end, 10);
    *at = end;
    return errno == 0 ? value : -1;
}

static bool take_text(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

/* "bytes 100-999/1000", or "*" where 1000 stands; false if it is not from `from` on. */
static bool parse_range(const char *text, int64_t from, int64_t *size)
{
    *size = -1;
    if (text == NULL || !take_text(&text, "bytes ") || take_number(&text) != from ||
        !take_text(&text, "-"))
        return false;
    int64_t last = take_number(&text);
    if (last < from || !take_text(&text, "/"))
        return false;
    if (strcmp(text, "*") == 0)
        return true;
    *size = take_number(&text);
    return *text == '\0' && *size > last;
}

/* "bytes", a star, "/1000": of the answer that there is nothing from there on. */
static int64_t parse_size_alone(const char *text)
{
    if (text == NULL || !take_text(&text, "bytes */"))
        return -1;
    int64_t size = take_number(&text);
    return *text == '\0' ? size : -1;
}

static answer stale(struct failure *failure, const char *why)
{
    failure_tell(failure, FAILURE_TRANSIENT, "%s: beginning anew", why);
    failure->is_stale = true;
    return (answer){.kind = ANSWER_FAILURE};
}

static answer of_rest(const struct transfer *transfer, const struct version *known,
                      struct failure *failure)
{
    answer made = {.kind = ANSWER_REST};
    const char *range = transfer_header(transfer, "Content-Range");
    if (transfer->request->from == 0) {
        failure_tell(failure, FAILURE_FINAL, "the server sent a part of the file (206), unasked");
        return (answer){.kind = ANSWER_FAILURE};
    }
    if (!parse_range(range, transfer->request->from, &made.size))
        return stale(failure, "the server sent another part than the one that was asked for");
    if (made.size >= 0 && known->size >= 0 && made.size != known->size)
        return stale(failure, "the file has changed on the server");
    if (made.size < 0)
        made.size = known->size;
    return made;
}

/* 416: nothing from there on. It is the whole only if both sides agree on its size. */
static answer of_nothing(const struct transfer *transfer, const struct version *known,
                         struct failure *failure)
{
    int64_t size = parse_size_alone(transfer_header(transfer, "Content-Range"));
    int64_t from = transfer->request->from;
    if (from > 0 && size == from && known->size == from)
        return (answer){.kind = ANSWER_NO_MORE, .size = size};
    if (from > 0)
        return stale(failure, "the server has no such part");
    failure_of_status(failure, transfer->at_curl.easy, 416);
    return (answer){.kind = ANSWER_FAILURE};
}

static answer of_redirect(const struct transfer *transfer, struct failure *failure)
{
    char *location = NULL;
    answer made = {.kind = ANSWER_REDIRECT};
    curl_easy_getinfo(transfer->at_curl.easy, CURLINFO_REDIRECT_URL, &location);
    made.location = location != NULL ? strdup(location) : NULL;
    if (made.location == NULL) {
        failure_tell(failure, FAILURE_FINAL,
                     "the server answered %ld, a redirect without a good location",
                     transfer_status(transfer));
        made.kind = ANSWER_FAILURE;
    }
    return made;
}

/* Of two lengths that differ nobody knows which is right (RFC 9112, 6.3). */
static answer of_whole(const struct transfer *transfer, struct failure *failure)
{
    curl_off_t length = -1;
    if (!transfer_agrees(transfer, "Content-Length")) {
        failure_tell(failure, FAILURE_FINAL, "the server gives the file more than one length");
        return (answer){.kind = ANSWER_FAILURE};
    }
    curl_easy_getinfo(transfer->at_curl.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return (answer){.kind = ANSWER_WHOLE, .size = length};
}

answer answer_of(const struct transfer *transfer, const struct version *known,
                 struct failure *failure)
{
    switch (transfer_status(transfer)) {
    case 200:
    case 203:
        return of_whole(transfer, failure);
    case 206:
        return of_rest(transfer, known, failure);
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return of_redirect(transfer, failure);
    case 416:
        return of_nothing(transfer, known, failure);
    default:
        failure_of_status(failure, transfer->at_curl.easy, transfer_status(transfer));
        return (answer){.kind = ANSWER_FAILURE};
    }
}

const char *answer_forbids(const char *from, const char *to, bool trusts_all)
{
    bool is_https = strncasecmp(to, "https://", 8) == 0;
    if (!is_https && strncasecmp(to, "http://", 7) != 0)
        return "which is neither http nor https";
    if (!is_https && strncasecmp(from, "https://", 8) == 0 && !trusts_all)
        return "from https to http, where anybody could change it; --insecure allows that";
    return NULL;
}

/* One part of a URL, to be freed with curl_free; NULL if it has none. */
static char *part_of(const char *url, CURLUPart which)
{
    char *text = NULL;
    CURLU *parts = curl_url();
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
        curl_url_get(parts, which, &text, CURLU_DEFAULT_PORT);
    curl_url_cleanup(parts);
    return text;
}

bool answer_same_origin(const char *one, const char *other)
{
    static const CURLUPart compared[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    bool is_same = true;
    for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++) {
        char *mine = part_of(one, compared[i]), *its = part_of(other, compared[i]);
        is_same = is_same && mine != NULL && its != NULL && strcasecmp(mine, its) == 0;
        curl_free(mine);
        curl_free(its);
    }
    return is_same;
}
