/*
 * What whorl-get makes of the head of an answer: of Content-Range, and of two URLs.
 *
 * Input: a byte. 0 of 3: two strings, URLs. Else: the byte that was asked for and the size known
 * before, four bytes each; and a string, the header of a 206 or, at 2 of 3, a 416.
 */
#include "fuzz/fuzz.h"

#include <strings.h>

#include "answer.h"

static const char *range;
static long status;

/* In place of a transfer's. */
const char *transfer_header(const struct transfer *self, const char *name)
{
    (void)self;
    return strcmp(name, "Content-Range") == 0 ? range : NULL;
}

bool transfer_agrees(const struct transfer *self, const char *name)
{
    (void)self;
    (void)name;
    return true;
}

long transfer_status(const struct transfer *self)
{
    (void)self;
    return status;
}

/* Digits, and nothing else, that fit; -1: there are none. Moves *at behind them. */
static int64_t model_number(const char **at)
{
    int64_t value = 0;
    size_t digits = strspn(*at, "0123456789");
    for (size_t i = 0; i < digits && value >= 0; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (*at)[i] - '0', &value))
            value = -1;
    *at += digits;
    return digits > 0 ? value : -1;
}

static bool model_skips(const char **at, const char *text)
{
    size_t length = strlen(text);
    bool is_there = strncmp(*at, text, length) == 0;
    *at += is_there ? length : 0;
    return is_there;
}

/* By the grammar of RFC 9110, 14.4. -2: it is none; -1: the size is not told. */
static int64_t model_size(const char *at, int64_t from)
{
    if (!model_skips(&at, "bytes "))
        return -2;
    int64_t first = model_number(&at);
    if (first != from || !model_skips(&at, "-"))
        return -2;
    int64_t last = model_number(&at);
    if (last < first || !model_skips(&at, "/"))
        return -2;
    if (strcmp(at, "*") == 0)
        return -1;
    int64_t size = model_number(&at);
    return *at == '\0' && size > last ? size : -2;
}

static int64_t model_size_alone(const char *at)
{
    int64_t size = model_skips(&at, "bytes */") ? model_number(&at) : -1;
    return *at == '\0' ? size : -1;
}

static void check_rest(const struct answer *made, int64_t from, int64_t known)
{
    int64_t size = model_size(range, from);
    bool is_good = from > 0 && size >= -1 && (size < 0 || known < 0 || size == known);
    hold((made->kind == ANSWER_REST) == is_good);
    hold(is_good || made->kind == ANSWER_FAILURE);
    hold(!is_good || made->size == (size >= 0 ? size : known));
}

static void check_nothing(const struct answer *made, int64_t from, int64_t known)
{
    bool is_whole = from > 0 && known == from && model_size_alone(range) == from;
    hold((made->kind == ANSWER_NO_MORE) == is_whole);
    hold(is_whole || made->kind == ANSWER_FAILURE);
}

static void look_at_a_range(input *rest, bool is_416)
{
    int64_t from = (int64_t)take_number(rest, 4);
    int64_t known_size = (int64_t)take_number(rest, 4) - 1;
    char *text = take_string(rest);
    struct request request = {.from = from};
    struct transfer transfer = {.request = &request, .at_curl.easy = curl_easy_init()};
    struct version known = {.size = known_size};
    struct failure failure = {0};
    range = text;
    status = is_416 ? 416 : 206;
    struct answer made = answer_of(&transfer, &known, &failure);
    if (is_416)
        check_nothing(&made, from, known_size);
    else
        check_rest(&made, from, known_size);
    curl_easy_cleanup(transfer.at_curl.easy);
    free(text);
}

static void look_at_urls(input *rest)
{
    char *one = take_string(rest);
    char *other = take_string(rest);
    bool is_same = answer_same_origin(one, other);
    hold(is_same == answer_same_origin(other, one));
    hold(!is_same || (answer_same_origin(one, one) && answer_same_origin(other, other)));
    if (answer_forbids(one, other, false) == NULL) {
        hold(strncasecmp(other, "http://", 7) == 0 || strncasecmp(other, "https://", 8) == 0);
        hold(strncasecmp(one, "https://", 8) != 0 || strncasecmp(other, "https://", 8) == 0);
        hold(answer_forbids(one, other, true) == NULL);
    }
    free(one);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    unsigned kind = take_byte(&rest) % 3;
    if (kind == 0)
        look_at_urls(&rest);
    else
        look_at_a_range(&rest, kind == 2);
    return 0;
}
