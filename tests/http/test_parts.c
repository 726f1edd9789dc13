/* What stands in requests and answers: targets, dates, ranges, texts, types. */
#include <content.h>
#include <path.h>
#include <stdlib.h>
#include <string.h>
#include <support.h>

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
    expect_path("http://[::1]:80/a", "a", false);
    expect_path("http://user:@host/a@b", "a@b", false);
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
    const char *const bad[] = {"/..",       "/../a",      "/a/../b",     "/%2e%2e/a",
                               "/.%2E",     "/a/%2e.",    "/a%00",       "/%00",
                               "/%",        "/%2",        "/%zz",        "/a%g0",
                               "*",         "host:80",    "http:/a",     "a",
                               "http://",   "http:///a",  "http://?a",   "http://:80/a",
                               "http://:",  "HTTP://:/a", "http://u@/a", "http://u:p@:80/a",
                               "http://u@", NULL};
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
    static const char leap[] = "Sat, 31 Dec 2016 23:59:60 GMT";
    assert_true(date_parse(leap, strlen(leap), &when));
    assert_int_equal(when, 1483228800);
    for (time_t second = 0; second < INT64_C(4000000000); second += 1234567) {
        date_format(second, text);
        assert_true(date_parse(text, strlen(text), &when));
        assert_int_equal(when, second);
    }
}

/* Of this century, unless that is more than 50 years ahead (RFC 9110, 5.6.7). */
static void a_year_of_two_digits_is_within_50_years(void **state)
{
    (void)state;
    time_t now = time(NULL), when;
    struct tm today;
    assert_non_null(gmtime_r(&now, &today));
    for (int ahead = -49; ahead <= 50; ahead++) {
        char text[64];
        struct tm tm = {.tm_year = today.tm_year + ahead, .tm_mon = 5, .tm_mday = 7};
        time_t meant = timegm(&tm); /* which finds the day of the week */
        size_t len = strftime(text, sizeof text, "%A, %d-%b-%y %H:%M:%S GMT", &tm);
        assert_true(date_parse(text, len, &when));
        assert_int_equal(when, meant);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 NoV 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Thu, 31 Feb 2026 00:00:00 GMT",
        "Tue, 03 Mar 2026 24:00:00 GMT",
        "Sun, 29 Feb 2026 00:00:00 GMT",
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
    expect_kind(RANGE_UNSATISFIED, "bytes=-0", 0);
    expect_kind(RANGE_NONE, "bytes=-1", 0); /* which is satisfied (RFC 9110, 14.1.2) */
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

/* --- Texts and types --- */

static void expect_text(void (*write)(FILE *, const char *), const char *string,
                        const char *expected)
{
    char *text;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    assert_non_null(file);
    write(file, string);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void texts_are_escaped_for_where_they_go(void **state)
{
    (void)state;
    expect_text(write_html, "<a href=\"x\">'&'</a>",
                "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    expect_text(write_uri, "/a b/\xc3\xa4?%#&~", "/a%20b/%C3%A4%3F%25%23%26~");
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
        behaviour(a_year_of_two_digits_is_within_50_years),
        behaviour(what_is_no_date_is_refused),
        behaviour(ranges_are_cut_to_the_file),
        behaviour(ranges_behind_the_file_are_not_satisfied),
        behaviour(ranges_that_make_no_sense_are_ignored),
        behaviour(texts_are_escaped_for_where_they_go),
        behaviour(types_are_told_by_names),
    };
    return run_behaviours("http parts", tests);
}
