/*
 * What whorl-get takes from a server's header, and from a note beside a file, as what it says: only
 * what is written as it should be.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "version.h"

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
    return strcmp(name, "Content-Range") != 0;
}

long transfer_status(const struct transfer *self)
{
    (void)self;
    return status;
}

/* To a request for what follows byte 99, of a file of a size that is known or -1. */
static answer answer_to(long given_status, const char *given_range, int64_t size)
{
    struct request request = {.from = 100};
    struct transfer transfer = {.request = &request, .at_curl.easy = curl_easy_init()};
    struct version known = {.size = size};
    struct failure failure = {0};

    status = given_status;
    range = given_range;
    answer made = answer_of(&transfer, &known, &failure);
    curl_easy_cleanup(transfer.at_curl.easy);
    return made;
}

static void a_part_is_taken_if_its_range_is_well_written(void **state)
{
    (void)state;
    assert_int_equal(answer_to(206, "bytes 100-999/1000", -1).kind, ANSWER_REST);
    assert_int_equal(answer_to(206, "bytes 100-999/1000", -1).size, 1000);
    assert_int_equal(answer_to(206, "bytes 100-999/*", 1000).size, 1000);
    assert_int_equal(answer_to(206, "bytes 100-999/*", -1).size, -1);
}

static void a_part_whose_range_is_badly_written_is_not(void **state)
{
    static const char *const bad[] = {
        "",
        "bytes",
        "bytes 100",
        "bytes 100-",
        "bytes 100-999",
        "bytes 100-999/",
        "bytes 100-999/999",
        "bytes 100-999/1000 ",
        "bytes 100-99/1000",
        "bytes 101-999/1000",
        "bytes +100-999/1000",
        "bytes  100-999/1000",
        "bytes 100- 999/1000",
        "bytes 100-+999/1000",
        "bytes 100-999/ 1000",
        "bytes 100-999/+1000",
        "bytes 100-99999999999999999999/*",
        "bytes 100-999/99999999999999999999",
        "bytes 18446744073709551716-999/1000",
    };

    (void)state;
    for (size_t i = 0; i < count_of(bad); i++)
        if (answer_to(206, bad[i], -1).kind != ANSWER_FAILURE)
            fail_msg("it was taken: \"%s\"", bad[i]);
    assert_int_equal(answer_to(206, NULL, -1).kind, ANSWER_FAILURE);
}

static void that_nothing_follows_is_believed_if_it_is_well_written(void **state)
{
    static const char *const bad[] = {"bytes */",     "bytes */+100", "bytes */ 100",
                                      "bytes */100x", "bytes */1000", "bytes 0-1/100"};

    (void)state;
    assert_int_equal(answer_to(416, "bytes */100", 100).kind, ANSWER_NO_MORE);
    for (size_t i = 0; i < count_of(bad); i++)
        if (answer_to(416, bad[i], 100).kind != ANSWER_FAILURE)
            fail_msg("it was believed: \"%s\"", bad[i]);
    assert_int_equal(answer_to(416, NULL, 100).kind, ANSWER_FAILURE);
}

static bool reads(const char *note, struct version *found)
{
    char *text = strdup(note);
    bool is_good = version_parse(found, text, "u");

    free(text);
    return is_good;
}

static void a_note_is_read_as_it_was_written(void **state)
{
    static const struct version written[] = {
        {"\"tag\"", 1000}, {"", -1}, {"v", INT64_MAX}, {"", 0}};
    struct version found;

    (void)state;
    for (size_t i = 0; i < count_of(written); i++) {
        char *text = version_compose(&written[i], "u");

        assert_true(reads(text, &found));
        assert_string_equal(found.validator, written[i].validator);
        assert_int_equal(found.size, written[i].size);
        free(text);
    }
}

static void a_note_that_is_written_otherwise_counts_for_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "url u\n",
        "url u\nvalidator v\nsize 5\n",
        "url u\nvalidator v\nsize 5\nend",
        "url u\nvalidator v\nsize 5\nend\n\n",
        "url other\nvalidator v\nsize 5\nend\n",
        "url u\nvalidator v\nsize \nend\n",
        "url u\nvalidator v\nsize +5\nend\n",
        "url u\nvalidator v\nsize  5\nend\n",
        "url u\nvalidator v\nsize 05\nend\n",
        "url u\nvalidator v\nsize 5x\nend\n",
        "url u\nvalidator v\nsize -2\nend\n",
        "url u\nvalidator v\nsize 99999999999999999999\nend\n",
        "url u\nsize 5\nvalidator v\nend\n",
    };
    struct version found;

    (void)state;
    for (size_t i = 0; i < count_of(bad); i++)
        if (reads(bad[i], &found))
            fail_msg("it was read: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(a_part_is_taken_if_its_range_is_well_written),
        behaviour(a_part_whose_range_is_badly_written_is_not),
        behaviour(that_nothing_follows_is_believed_if_it_is_well_written),
        behaviour(a_note_is_read_as_it_was_written),
        behaviour(a_note_that_is_written_otherwise_counts_for_nothing),
    };

    return run_behaviours("words_of_others", tests);
}
