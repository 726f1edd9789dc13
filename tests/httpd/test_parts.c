/*
 * The parts of httpd that neither wait nor open anything: targets, dates, ranges, conditions, texts,
 * and requests, whole and cut at every byte.
 */
#include <condition.h>
#include <date.h>
#include <path.h>
#include <range.h>
#include <request.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support.h>
#include <text.h>
#include <types.h>

/* --- Targets --- */

static int decode(struct path *path, const char *target)
{
    return path_decode(path, target, strlen(target));
}

static void expect_path(const char *target, const char *name, bool directory)
{
    struct path path;
    assert_int_equal(decode(&path, target), 0);
    assert_string_equal(path.name, name);
    assert_int_equal(path.len, strlen(name));
    assert_int_equal(path.directory, directory);
}

static void targets_become_paths(void **state)
{
    (void)state;
    expect_path("/", "", true);
    expect_path("/a", "a", false);
    expect_path("/a/", "a", true);
    expect_path("/a/b.txt", "a/b.txt", false);
    expect_path("//a//b", "a/b", false);
    expect_path("/./a/.", "a", true);
    expect_path("/a%20b%c3%A4", "a b\xc3\xa4", false);
    expect_path("/a?b/c", "a", false);
    expect_path("/?/../", "", true);
    expect_path("/a#b", "a", false);
    expect_path("http://host/a/b?c", "a/b", false);
    expect_path("HTTP://host:80", "", true);
    expect_path("http://host?a/..", "", true);
    expect_path("/...", "...", false);
    expect_path("/a..b/..c", "a..b/..c", false);
    expect_path("/%61", "a", false);
    expect_path("/a+b", "a+b", false);
}

static void expect_refusals(int status, const char *const *targets)
{
    struct path path;
    for (; *targets != NULL; targets++)
        assert_int_equal(decode(&path, *targets), status);
}

static void targets_that_lead_elsewhere_are_refused(void **state)
{
    const char *const bad[] = {"/..",   "/../a",   "/a/../b", "/%2e%2e/a", "/.%2E", "/a/%2e.",
                               "/a%00", "/%00",    "/%",      "/%2",       "/%zz",  "/a%g0",
                               "*",     "host:80", "http:/a", "a",         NULL};
    const char *const missing[] = {"/a%2fb", "/%2F..%2f", "/.whorl-0123", "/a/.whorl-x", NULL};
    struct path path;
    (void)state;
    expect_refusals(400, bad);
    expect_refusals(404, missing);
    assert_int_equal(path_decode(&path, "/a\0b", 4), 400);
}

static void names_that_no_file_can_have_are_not_found(void **state)
{
    struct path path;
    char target[2 * PATH_MAX];
    (void)state;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    assert_int_equal(path_decode(&path, target, 1 + NAME_MAX), 0);
    assert_int_equal(path_decode(&path, target, 2 + NAME_MAX), 404);
    for (size_t i = 0; i < sizeof target; i += 200)
        target[i] = '/';
    assert_int_equal(path_decode(&path, target, PATH_MAX), 0);
    assert_int_equal(path.len, PATH_MAX - 1);
    assert_int_equal(path_decode(&path, target, PATH_MAX + 1), 404);
    assert_int_equal(path_decode(&path, target, sizeof target), 404);
}

static void queries_are_found(void **state)
{
    size_t len;
    const char *query = path_query("/a?b=c#d", 8, &len);
    (void)state;
    assert_int_equal(len, 4);
    assert_memory_equal(query, "?b=c", 4);
    path_query("/a", 2, &len);
    assert_int_equal(len, 0);
    path_query("/a#b?c", 6, &len);
    assert_int_equal(len, 0);
}

/* --- Dates --- */

static void dates_are_written_and_read(void **state)
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    char text[DATE_LEN + 1];
    time_t when;
    (void)state;
    date_format(784111777, text);
    assert_string_equal(text, forms[0]);
    for (size_t i = 0; i < 3; i++) {
        when = 0;
        assert_true(date_parse(forms[i], strlen(forms[i]), &when));
        assert_int_equal(when, 784111777);
    }
    for (time_t second = 0; second < INT64_C(4000000000); second += 1234567) {
        date_format(second, text);
        assert_true(date_parse(text, strlen(text), &when));
        assert_int_equal(when, second);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, and more than may be in any date",
    };
    time_t when;
    (void)state;
    for (size_t i = 0; i < count_of(bad); i++)
        assert_false(date_parse(bad[i], strlen(bad[i]), &when));
}

/* --- Ranges --- */

static void expect_range(const char *text, int64_t size, int64_t from, int64_t len)
{
    struct range range;
    assert_int_equal(range_parse(text, strlen(text), size, &range), RANGE_ONE);
    assert_int_equal(range.from, from);
    assert_int_equal(range.len, len);
}

static void ranges_are_cut_to_the_file(void **state)
{
    (void)state;
    expect_range("bytes=0-0", 10, 0, 1);
    expect_range("bytes=2-4", 10, 2, 3);
    expect_range("bytes=2-", 10, 2, 8);
    expect_range("bytes=-3", 10, 7, 3);
    expect_range("bytes=-30", 10, 0, 10);
    expect_range("bytes=9-100", 10, 9, 1);
    expect_range("BYTES=9-99999999999999999999", 10, 9, 1);
}

static void expect_kind(enum range_kind kind, const char *text, int64_t size)
{
    struct range range;
    assert_int_equal(range_parse(text, strlen(text), size, &range), kind);
}

static void ranges_behind_the_file_are_not_satisfied(void **state)
{
    (void)state;
    expect_kind(RANGE_UNSATISFIED, "bytes=10-", 10);
    expect_kind(RANGE_UNSATISFIED, "bytes=10-20", 10);
    expect_kind(RANGE_UNSATISFIED, "bytes=99999999999999999999-", 10);
    expect_kind(RANGE_UNSATISFIED, "bytes=-0", 10);
    expect_kind(RANGE_UNSATISFIED, "bytes=0-", 0);
    expect_kind(RANGE_UNSATISFIED, "bytes=-1", 0);
}

static void ranges_that_make_no_sense_are_ignored(void **state)
{
    static const char *const odd[] = {"",         "bytes",     "bytes=",     "bytes=-",
                                      "bytes=a-", "bytes=4-2", "bytes=1-2x", "bytes=1-2,4-5",
                                      "bytes=1",  "lines=1-2", "bytes= 1-2", "bytes=--1"};
    (void)state;
    for (size_t i = 0; i < count_of(odd); i++)
        expect_kind(RANGE_NONE, odd[i], 10);
}

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
        {400, "get /a HTTP/1.1\r\nHost: a\r\n\r\n"},
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
        {505, "GET /a HTTP/1.2\r\nHost: a\r\n\r\n"},
        {505, "GET /a HTTP/2.0\r\nHost: a\r\n\r\n"},
        {505, "GET /a\r\n\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < count_of(refusals); i++) {
        struct request request;
        char *memory;
        enum request_state came = feed(&request, refusals[i].head, 1000, &memory);
        if (came != REQUEST_REFUSED || request.status != refusals[i].status)
            fail_msg("state %d, status %d of %s", (int)came, request.status, refusals[i].head);
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

/* The status for a request with these headers, of a file changed at 1994-11-06 08:49:37, or of
 * none. */
static int status_for(const char *method, const char *headers, bool exists)
{
    char head[HEAD_MOST], *memory;
    struct request request;
    struct validators file = {.exists = false};
    if (exists)
        validators_set(&file, 7, 255, (struct timespec){784111777, 5});
    snprintf(head, sizeof head, "%s / HTTP/1.0\r\n%s\r\n", method, headers);
    assert_int_equal(feed(&request, head, sizeof head, &memory), REQUEST_COMPLETE);
    int status = condition_status(&request, &file);
    free(memory);
    return status;
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
}

static bool range_holds(const char *value)
{
    char head[HEAD_MOST], *memory;
    struct request request;
    struct validators file;
    validators_set(&file, 7, 255, (struct timespec){784111777, 5});
    snprintf(head, sizeof head, "GET / HTTP/1.0\r\n%s%s\r\n\r\n",
             *value != '\0' ? "If-Range: " : "X: ", value);
    assert_int_equal(feed(&request, head, sizeof head, &memory), REQUEST_COMPLETE);
    bool holds = condition_range_holds(&request, &file);
    free(memory);
    return holds;
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

/* --- Texts and types --- */

static void expect_text(void (*write)(struct text *, const char *), const char *string,
                        const char *expected)
{
    struct text text;
    assert_true(text_begin(&text));
    write(&text, string);
    assert_true(text_end(&text));
    assert_string_equal(text.data, expected);
    free(text.data);
}

static void texts_are_escaped_for_where_they_go(void **state)
{
    (void)state;
    expect_text(text_html, "<a href=\"x\">'&'</a>",
                "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    expect_text(text_uri, "/a b/\xc3\xa4?%#&~", "/a%20b/%C3%A4%3F%25%23%26~");
}

static void types_are_told_by_names(void **state)
{
    (void)state;
    assert_string_equal(type_of("a.html"), "text/html; charset=utf-8");
    assert_string_equal(type_of("dir.js/A.PNG"), "image/png");
    assert_string_equal(type_of("a.tar.gz"), "application/gzip");
    assert_string_equal(type_of("a.7z"), "application/x-7z-compressed");
    assert_string_equal(type_of("a.zst"), "application/zstd");
    assert_string_equal(type_of("dir.html/a"), "application/octet-stream");
    assert_string_equal(type_of("html"), "application/octet-stream");
    assert_string_equal(type_of("a."), "application/octet-stream");
    assert_string_equal(type_of("a.htmlx"), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(targets_become_paths),
        behaviour(targets_that_lead_elsewhere_are_refused),
        behaviour(names_that_no_file_can_have_are_not_found),
        behaviour(queries_are_found),
        behaviour(dates_are_written_and_read),
        behaviour(what_is_no_date_is_refused),
        behaviour(ranges_are_cut_to_the_file),
        behaviour(ranges_behind_the_file_are_not_satisfied),
        behaviour(ranges_that_make_no_sense_are_ignored),
        behaviour(heads_are_parsed_wherever_they_are_cut),
        behaviour(the_next_request_is_left_alone),
        behaviour(bad_heads_are_refused),
        behaviour(heads_have_their_limits),
        behaviour(bodies_are_given_to_their_sink),
        behaviour(bodies_that_break_the_rules_are_refused),
        behaviour(a_body_is_not_all_framing),
        behaviour(readers_are_told_what_they_have),
        behaviour(writers_are_held_to_their_conditions),
        behaviour(a_part_is_of_the_same_file),
        behaviour(texts_are_escaped_for_where_they_go),
        behaviour(types_are_told_by_names),
    };
    return run_behaviours("httpd parts", tests);
}
