/* Requests as they are parsed, whole and cut at every byte, and their conditions. */
#include <content.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support.h>

/* --- Requests --- */

enum { TARGET_MOST = 100, HEAD_MOST = 400 };

/* Feeds a head in steps of so many bytes, each from other memory than the one before. */
static enum request_state feed(struct request *request, const char *head, size_t step,
                               char **memory)
{
    size_t len = 0, all = strlen(head);
    enum request_state state = REQUEST_INCOMPLETE;
    request_init(request, TARGET_MOST, HEAD_MOST);
    *memory = NULL;
    while (state == REQUEST_INCOMPLETE && len < all) {
        len = len + step < all ? len + step : all;
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, head, len);
        free(*memory);
        *memory = copy;
        state = request_feed(request, copy, len);
    }
    return state;
}

static void expect_words(struct words words, const char *text)
{
    assert_int_equal(words.len, strlen(text));
    assert_memory_equal(words.text, text, words.len);
}

static void heads_are_parsed_wherever_they_are_cut(void **state)
{
    static const char head[] = "\r\nGET /a?b HTTP/1.1\r\nUser-Agent: x: y\r\nhOST:\t h:1 \t\r\n"
                               "If-None-Match: \"a\", \"b\"\r\nRange:bytes=1-2\r\nExpect:\r\n\r\n";
    (void)state;
    for (size_t step = 1; step <= sizeof head; step++) {
        struct request request;
        char *memory;
        struct words words;
        assert_int_equal(feed(&request, head, step, &memory), REQUEST_COMPLETE);
        assert_int_equal(request.fed, sizeof head - 1);
        assert_int_equal(request.parser.method, HTTP_GET);
        assert_true(request.done);
        expect_words((struct words){request.head + request.target.at, request.target.len}, "/a?b");
        expect_words(request_line(&request), "GET /a?b HTTP/1.1");
        assert_true(request_field(&request, FIELD_HOST, &words));
        expect_words(words, "h:1");
        assert_true(request_field(&request, FIELD_IF_NONE_MATCH, &words));
        expect_words(words, "\"a\", \"b\"");
        assert_true(request_field(&request, FIELD_RANGE, &words));
        expect_words(words, "bytes=1-2");
        assert_true(request_field(&request, FIELD_EXPECT, &words));
        expect_words(words, "");
        assert_false(request_field(&request, FIELD_IF_RANGE, &words));
        free(memory);
    }
}

static void the_next_request_is_left_alone(void **state)
{
    static const char head[] = "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n";
    struct request request;
    char *memory;
    (void)state;
    assert_int_equal(feed(&request, head, sizeof head, &memory), REQUEST_COMPLETE);
    assert_int_equal(request.fed, (sizeof head - 1) / 2);
    free(memory);
}

struct refusal {
    int status;
    const char *head;
};

/* A refused one has it as far as it came. */
static void expect_first_line(const struct request *request, const char *head)
{
    struct words line = request_line(request);
    head += strspn(head, "\r\n");
    assert_true(line.len <= strcspn(head, "\r\n") && line.len <= request->fed);
    assert_memory_equal(line.text, head, line.len);
}

static void bad_heads_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        {400, "GET /a HTTP/1.1\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost : a\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost:\r\n b\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: a@b\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\nRange: a\r\nRange: a\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: \x01\r\n\r\n"},
        {400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a RTSP/1.0\r\n\r\n"},
        {400, "\r\n /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\t\r\n\r\n"},
        {400, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: a,\tclose\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\t\r\n\r\n"},
        {400, "(GET) /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {501, "get /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {501, "X-9~ /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "\x16\x03\x01\x02"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"},
        {400, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
              "Transfer-Encoding: chunked\r\n\r\n"},
        {400, "PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
        {501, "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, "BREW /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {501, "GETS /a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: [\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: ]\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: []\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: [::1\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: [::1]x\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: "
              "[0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0]\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: a[b]:\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: a:b:c\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: a:80x\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: ::1\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: %zz\r\n\r\n"},
        {400, "GET /a HTTP/1.0\r\nHost: a%4\r\n\r\n"},
        {400, "GET\t/a HTTP/1.0\r\n\r\n"},
        {400, "FO\r\n\r\n"},
        {501, "HEADX /a HTTP/1.0\r\n\r\n"},
        {501, "DESCRIBE /a HTTP/1.0\r\n\r\n"},
        {501, "\r\n\r\nBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"},
        {505, "GET /a HTTP/1.2\r\nHost: a\r\n\r\n"},
        {505, "GET /a HTTP/2.0\r\nHost: a\r\n\r\n"},
        {505, "GET /a\r\n\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < 2 * count_of(refusals); i++) {
        const struct refusal *refusal = &refusals[i / 2];
        size_t step = i % 2 == 0 ? 1000 : 1;
        struct request request;
        char *memory;
        enum request_state came = feed(&request, refusal->head, step, &memory);
        if (came != REQUEST_REFUSED || request.status != refusal->status)
            fail_msg("by %zu: state %d, status %d of %s", step, (int)came, request.status,
                     refusal->head);
        expect_first_line(&request, refusal->head);
        free(memory);
    }
}

static void hosts_are_names_or_addresses(void **state)
{
    static const char *const hosts[] = {"",           "a",     "a:",     "a-b.c:80", "%41%7e!",
                                        "127.0.0.1",  "[::1]", "[::1]:", "_.~:0",    "[fe80::1]:99",
                                        "[::1.2.3.4]"};
    (void)state;
    for (size_t i = 0; i < count_of(hosts); i++) {
        char head[HEAD_MOST], *memory;
        struct request request;
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        enum request_state came = feed(&request, head, 5, &memory);
        if (came != REQUEST_COMPLETE)
            fail_msg("%s is refused by %d", hosts[i], request.status);
        free(memory);
    }
}

/* Empty lines before a request, and a head that is not to end, are as much of a head as others. */
static void empty_lines_are_bounded(void **state)
{
    char head[2 * HEAD_MOST], *memory;
    struct request request;
    (void)state;
    memset(head, '\n', sizeof head);
    head[sizeof head - 1] = '\0';
    assert_int_equal(feed(&request, head, 1, &memory), REQUEST_REFUSED);
    assert_int_equal(request.status, 431);
    assert_int_equal(request.fed, HEAD_MOST + 1);
    free(memory);
}

/* A list may come in several lines, but not in any number of them. */
static void lists_come_in_a_few_lines(void **state)
{
    char head[HEAD_MOST] = "GET /a HTTP/1.0\r\n", *memory;
    size_t begin = strlen(head);
    struct request request;
    struct words value;
    (void)state;
    for (size_t lines = 1; lines <= LINES_MOST + 2; lines++) {
        snprintf(head + begin, sizeof head - begin, "If-Match: %zu\r\n\r\n", lines);
        enum request_state came = feed(&request, head, 7, &memory);
        begin += strlen(head + begin) - 2;
        if (lines == LINES_MOST + 2) {
            assert_int_equal(came, REQUEST_REFUSED);
            assert_int_equal(request.status, 431);
        } else {
            assert_int_equal(came, REQUEST_COMPLETE);
            assert_true(request_line_of(&request, FIELD_IF_MATCH, lines - 1, &value));
            assert_int_equal(strtoul(value.text, NULL, 10), lines);
            assert_false(request_line_of(&request, FIELD_IF_MATCH, lines, &value));
            assert_false(request_line_of(&request, FIELD_IF_NONE_MATCH, 0, &value));
        }
        free(memory);
    }
}

/* "GET /aaa..." with so many bytes of a target, then a header of so many. */
static int status_of_sizes(size_t target, size_t header, size_t step)
{
    char head[2000], *memory;
    struct request request;
    int len = snprintf(head, sizeof head, "GET /%0*d HTTP/1.0\r\nX: %0*d\r\n\r\n", (int)target - 1,
                       0, (int)header, 0);
    assert_true(len > 0 && (size_t)len < sizeof head);
    enum request_state state = feed(&request, head, step, &memory);
    free(memory);
    assert_int_not_equal(state, REQUEST_INCOMPLETE);
    return request.status;
}

static void heads_have_their_limits(void **state)
{
    size_t rest = strlen("GET / HTTP/1.0\r\nX: \r\n\r\n");
    (void)state;
    for (size_t step = 1; step < 2000; step *= 7) {
        assert_int_equal(status_of_sizes(TARGET_MOST, 1, step), 0);
        assert_int_equal(status_of_sizes(TARGET_MOST + 1, 1, step), 414);
        assert_int_equal(status_of_sizes(1500, 1, step), 414);
        assert_int_equal(status_of_sizes(10, HEAD_MOST - rest - 9, step), 0);
        assert_int_equal(status_of_sizes(10, HEAD_MOST - rest - 8, step), 431);
        assert_int_equal(status_of_sizes(10, 1500, step), 431);
    }
}

/* --- Bodies --- */

struct sum {
    size_t len;
    size_t most;
    char data[64];
};

static int collect(void *arg, const char *data, size_t len)
{
    struct sum *sum = arg;
    if (sum->len + len > sum->most)
        return 413;
    memcpy(sum->data + sum->len, data, len);
    sum->len += len;
    return 0;
}

/* Reads the head of a request, and its body in steps. *next gets where the next request begins. */
static enum request_state read_all(struct request *request, const char *text, size_t step,
                                   struct sum *sum, size_t *next)
{
    char *memory;
    size_t all = strlen(text), used;
    enum request_state state = feed(request, text, all, &memory);
    assert_int_equal(state, REQUEST_COMPLETE);
    assert_true(request_has_body(request));
    request->sink = collect;
    request->sink_arg = sum;
    *next = request->fed;
    free(memory);
    for (state = REQUEST_INCOMPLETE; state == REQUEST_INCOMPLETE && *next < all; *next += used) {
        size_t len = all - *next < step ? all - *next : step;
        state = request_body(request, text + *next, len, &used);
    }
    return state;
}

static void bodies_are_given_to_their_sink(void **state)
{
    static const char *const bodies[] = {
        "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
        ("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
         "1\r\n0\r\n4;ext=1\r\n1234\r\n05\r\n56789\r\n0\r\n\r\n"),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "A\r\n0123456789\r\n0\r\nHost: b\r\nTrailer: c\r\n\r\n"),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
         "Content-Length: 10\r\n\r\n0123456789"),
    };
    (void)state;
    for (size_t i = 0; i < count_of(bodies); i++) {
        for (size_t step = 1; step < 300; step += 3) {
            char text[400];
            struct request request;
            struct sum sum = {.most = sizeof sum.data};
            size_t next;
            snprintf(text, sizeof text, "%sGET", bodies[i]);
            assert_int_equal(read_all(&request, text, step, &sum, &next), REQUEST_COMPLETE);
            assert_int_equal(next, strlen(bodies[i]));
            assert_int_equal(sum.len, 10);
            assert_memory_equal(sum.data, "0123456789", 10);
            assert_true(request.done);
        }
    }
}

static void bodies_that_break_the_rules_are_refused(void **state)
{
    static const char *const bodies[] = {"x\r\n", "ffffffffffffffffff\r\n", "1\r\nab", "-1\r\n"};
    struct sum sum = {.most = 5};
    struct request request;
    size_t next;
    (void)state;
    for (size_t i = 0; i < count_of(bodies); i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s", bodies[i]);
        assert_int_equal(read_all(&request, text, 1, &sum, &next), REQUEST_REFUSED);
        assert_int_equal(request.status, 400);
    }
    sum.len = 0;
    assert_int_equal(
        read_all(&request, "PUT / HTTP/1.0\r\nContent-Length: 6\r\n\r\nabcdef", 1, &sum, &next),
        REQUEST_REFUSED);
    assert_int_equal(request.status, 413);
}

/* Chunks of one byte may have lengths that are long to write, but not for ever. */
static void a_body_is_not_all_framing(void **state)
{
    char chunk[4096], *memory;
    struct request request;
    size_t used;
    enum request_state came = REQUEST_INCOMPLETE;
    (void)state;
    feed(&request, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 1000,
         &memory);
    free(memory);
    int len = snprintf(chunk, sizeof chunk, "1;%0*d\r\na\r\n", 4000, 0);
    int chunks = 0;
    for (; came == REQUEST_INCOMPLETE && chunks < 1000; chunks++)
        came = request_body(&request, chunk, (size_t)len, &used);
    assert_int_equal(came, REQUEST_REFUSED);
    assert_int_equal(request.status, 400);
    assert_true(chunks > 10);
}

/* --- Conditions --- */

/* The status for a request with these headers. */
static int status_of_file(const char *method, const char *headers, const struct validators *file)
{
    char head[HEAD_MOST], *memory;
    struct request request;
    snprintf(head, sizeof head, "%s / HTTP/1.0\r\n%s\r\n", method, headers);
    assert_int_equal(feed(&request, head, sizeof head, &memory), REQUEST_COMPLETE);
    int status = condition_status(&request, file);
    free(memory);
    return status;
}

/* The same, of a file changed at 1994-11-06 08:49:37, or of none. */
static int status_for(const char *method, const char *headers, bool exists)
{
    struct validators file = {.exists = false};
    if (exists)
        validators_set(&file, 7, 255, (struct timespec){784111777, 5});
    return status_of_file(method, headers, &file);
}

#define TAG "\"2ebc98a1.5-ff-7\""
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"

static void readers_are_told_what_they_have(void **state)
{
    (void)state;
    assert_int_equal(status_for("GET", "", true), 0);
    assert_int_equal(status_for("GET", "If-None-Match: " TAG "\r\n", true), 304);
    assert_int_equal(status_for("HEAD", "If-None-Match: \"x\", W/" TAG "\r\n", true), 304);
    assert_int_equal(status_for("GET", "If-None-Match: *\r\n", true), 304);
    assert_int_equal(status_for("GET", "If-None-Match: \"x\"\r\n", true), 0);
    assert_int_equal(status_for("GET", "If-None-Match: 2ebc98a1.5-ff-7\r\n", true), 0);
    assert_int_equal(status_for("GET", "If-Modified-Since: " SAME "\r\n", true), 304);
    assert_int_equal(status_for("GET", "If-Modified-Since: " BEFORE "\r\n", true), 0);
    assert_int_equal(status_for("GET", "If-Modified-Since: never\r\n", true), 0);
    assert_int_equal(
        status_for("GET", "If-None-Match: \"x\"\r\nIf-Modified-Since: " SAME "\r\n", true), 0);
}

static void writers_are_held_to_their_conditions(void **state)
{
    (void)state;
    assert_int_equal(status_for("PUT", "If-Match: " TAG "\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Match: W/" TAG "\r\n", true), 412);
    assert_int_equal(status_for("PUT", "If-Match: \"x\"\r\nIf-Match: \"y\"\r\n", true), 412);
    assert_int_equal(status_for("PUT", "If-Match: \"x\"\r\nIf-Match: " TAG "\r\n", true), 0);
    assert_int_equal(status_for("GET",
                                "If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\n"
                                "If-None-Match: " TAG "\r\n",
                                true),
                     304);
    assert_int_equal(status_for("PUT", "If-Match: w/" TAG "\r\n", true), 412);
    assert_int_equal(status_for("PUT", "If-Match: \"x\",\tW/" TAG ", " TAG "\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Match: \"x\", " TAG "\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Match: *\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Match: *\r\n", false), 412);
    assert_int_equal(status_for("PUT", "If-None-Match: *\r\n", true), 412);
    assert_int_equal(status_for("PUT", "If-None-Match: *\r\n", false), 0);
    assert_int_equal(status_for("PUT", "If-Unmodified-Since: " SAME "\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Unmodified-Since: " BEFORE "\r\n", true), 412);
    assert_int_equal(status_for("GET", "If-Unmodified-Since: " BEFORE "\r\n", true), 412);
    assert_int_equal(status_for("GET", "If-Unmodified-Since: never\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Modified-Since: " SAME "\r\n", true), 0);
    assert_int_equal(status_for("DELETE", "If-Modified-Since: " SAME "\r\n", true), 0);
    assert_int_equal(status_for("PUT", "If-Unmodified-Since: " SAME "\r\n", false), 0);
}

/* They are ignored, also where each alone would be heard. */
static void several_dates_are_no_condition(void **state)
{
    static const char modified[] =
        "If-Modified-Since: " SAME "\r\nX: y\r\nif-modified-since: " SAME "\r\n";
    static const char unmodified[] =
        "If-Unmodified-Since: " BEFORE "\r\nIf-Unmodified-Since: " BEFORE "\r\n"
        "If-Unmodified-Since: " BEFORE "\r\n";
    (void)state;
    assert_int_equal(status_for("GET", modified, true), 0);
    assert_int_equal(status_for("PUT", modified, true), 0);
    assert_int_equal(status_for("GET", unmodified, true), 0);
    assert_int_equal(status_for("PUT", unmodified, true), 0);
    assert_int_equal(status_for("GET", "If-Modified-Since: " SAME ", " SAME "\r\n", true), 0);
}

/* As that of a list of names. */
static void what_has_no_validators_is_there(void **state)
{
    const struct validators file = {.exists = true};
    (void)state;
    assert_int_equal(status_of_file("GET", "", &file), 0);
    assert_int_equal(status_of_file("GET", "If-Match: *\r\n", &file), 0);
    assert_int_equal(status_of_file("GET", "If-Match: \"\"\r\n", &file), 412);
    assert_int_equal(status_of_file("GET", "If-None-Match: *\r\n", &file), 304);
    assert_int_equal(status_of_file("GET", "If-None-Match: \"x\"\r\n", &file), 0);
    assert_int_equal(status_of_file("GET", "If-Modified-Since: " SAME "\r\n", &file), 0);
    assert_int_equal(status_of_file("GET", "If-Unmodified-Since: " BEFORE "\r\n", &file), 0);
}

static bool range_holds_for(const char *value, const struct validators *file)
{
    char head[HEAD_MOST], *memory;
    struct request request;
    snprintf(head, sizeof head, "GET / HTTP/1.0\r\n%s%s\r\n\r\n",
             *value != '\0' ? "If-Range: " : "X: ", value);
    assert_int_equal(feed(&request, head, sizeof head, &memory), REQUEST_COMPLETE);
    bool holds = condition_range_holds(&request, file);
    free(memory);
    return holds;
}

static bool range_holds(const char *value)
{
    struct validators file;
    validators_set(&file, 7, 255, (struct timespec){784111777, 5});
    return range_holds_for(value, &file);
}

static void a_part_is_of_the_same_file(void **state)
{
    (void)state;
    assert_true(range_holds(""));
    assert_true(range_holds(TAG));
    assert_true(range_holds(SAME));
    assert_false(range_holds("W/" TAG));
    assert_false(range_holds("\"x\""));
    assert_false(range_holds(BEFORE));
    assert_false(range_holds("x"));
}

/* What was changed in this second, by a clock that has no parts of them, may be changed in it once
 * more. */
static void a_tag_is_weak_while_the_file_may_change_unseen(void **state)
{
    struct validators file;
    char match[128], none_match[128];
    time_t now = time(NULL);
    (void)state;
    validators_set(&file, 7, 255, (struct timespec){now, 0});
    assert_int_equal(strncmp(file.etag, "W/\"", 3), 0);
    snprintf(match, sizeof match, "If-Match: %s\r\n", file.etag);
    snprintf(none_match, sizeof none_match, "If-None-Match: %s\r\n", file.etag);
    assert_int_equal(status_of_file("PUT", match, &file), 412);
    assert_int_equal(status_of_file("PUT", "If-Match: *\r\n", &file), 0);
    assert_int_equal(status_of_file("GET", none_match, &file), 304);
    snprintf(none_match, sizeof none_match, "If-None-Match: %s\r\n", file.etag + 2);
    assert_int_equal(status_of_file("GET", none_match, &file), 304);
    assert_false(range_holds_for(file.etag, &file));
    assert_false(range_holds_for(file.etag + 2, &file));
    date_format(now, match);
    assert_false(range_holds_for(match, &file));
    validators_set(&file, 7, 255, (struct timespec){now + 3600, 0});
    assert_int_equal(file.etag[0], '"');
    validators_set(&file, 7, 255, (struct timespec){now, 1});
    assert_int_equal(file.etag[0], '"');
    validators_set(&file, 7, 255, (struct timespec){now - 60, 0});
    assert_int_equal(file.etag[0], '"');
    assert_true(range_holds_for(file.etag, &file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(heads_are_parsed_wherever_they_are_cut),
        behaviour(the_next_request_is_left_alone),
        behaviour(bad_heads_are_refused),
        behaviour(hosts_are_names_or_addresses),
        behaviour(empty_lines_are_bounded),
        behaviour(lists_come_in_a_few_lines),
        behaviour(heads_have_their_limits),
        behaviour(bodies_are_given_to_their_sink),
        behaviour(bodies_that_break_the_rules_are_refused),
        behaviour(a_body_is_not_all_framing),
        behaviour(readers_are_told_what_they_have),
        behaviour(writers_are_held_to_their_conditions),
        behaviour(several_dates_are_no_condition),
        behaviour(a_part_is_of_the_same_file),
        behaviour(what_has_no_validators_is_there),
        behaviour(a_tag_is_weak_while_the_file_may_change_unseen),
    };
    return run_behaviours("http requests", tests);
}
