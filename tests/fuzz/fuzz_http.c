/*
 * The parsers of the HTTP server among the examples: targets, ranges, dates, conditions, and
 * requests.
 *
 * Input: a byte, which says what the rest is: 0 of 4, a target; 1, the size of a file, 4 bytes, and
 * a Range; 2, a date; 3, a byte, by which the pieces are chosen that the rest comes in, and
 * requests as they are received.
 */
#include "fuzz/fuzz.h"

#include <strings.h>
#include <whorl.h>

#include "content.h"
#include "path.h"

/* --- Targets --- */

static void hold_part(const char *part, size_t len)
{
    hold(len > 0 && len <= NAME_MAX);
    hold(!(len == 1 && part[0] == '.'));
    hold(!(len == 2 && part[0] == '.' && part[1] == '.'));
    hold(strncmp(part, WHORL_TEMPORARY_PREFIX, strlen(WHORL_TEMPORARY_PREFIX)) != 0);
}

/* What stands before an "@" is a user's, and not the host. */
static bool begins_without_host(const char *target, size_t len)
{
    bool does = len >= 8 && strncasecmp(target, "http://:", 8) == 0;
    for (size_t i = 8; does && i < len && strchr("/?#", target[i]) == NULL; i++)
        does = target[i] != '@';
    return does;
}

static void take_target(const char *target, size_t len)
{
    static struct path path;
    size_t query_len;
    const char *query = path_query(target, len, &query_len);
    hold(query_len == 0 || (*query == '?' && query >= target && query + query_len <= target + len));
    hold(query_len == 0 || memchr(query, '#', query_len) == NULL);
    int status = path_decode(&path, target, len);
    hold(status == 0 || status == 400 || status == 404);
    hold(!begins_without_host(target, len) || status == 400);
    if (status != 0)
        return;
    hold(path.len == strlen(path.name) && path.len < sizeof path.name);
    for (const char *part = path.name; *part != '\0';) {
        size_t length = strcspn(part, "/");
        hold_part(part, length);
        part += length;
        hold(*part == '\0' || part[1] != '\0');
        part += *part == '/';
    }
}

/* --- Ranges --- */

/* A number as an unsigned one of 128 bits, which no header that fits here overflows unseen. */
static unsigned __int128 model_number(const char *digits, size_t count)
{
    unsigned __int128 number = 0;
    for (size_t i = 0; i < count; i++)
        if (number < (unsigned __int128)1 << 100)
            number = number * 10 + (unsigned)(digits[i] - '0');
    return number;
}

static void take_range(const char *text, size_t len, int64_t size)
{
    struct range found = {-1, -1};
    enum range_kind kind = range_parse(text, len, size, &found);
    char line[512];
    if (len >= sizeof line || memchr(text, '\0', len) != NULL) {
        hold(kind != RANGE_ONE || (found.from >= 0 && found.from + found.len <= size));
        return;
    }
    memcpy(line, text, len);
    line[len] = '\0';
    size_t digits = strlen(line) > 6 ? strspn(line + 6, "0123456789") : 0;
    const char *dash = line + (strlen(line) > 6 ? 6 + digits : 0);
    size_t behind = *dash == '-' ? strspn(dash + 1, "0123456789") : 0;
    bool is_one = strncasecmp(line, "bytes=", 6) == 0 && *dash == '-' && dash[1 + behind] == '\0' &&
                  digits + behind > 0;
    unsigned __int128 first = model_number(line + 6, digits), last = model_number(dash + 1, behind);
    unsigned __int128 whole = (unsigned __int128)size;
    if (is_one && digits > 0 && behind > 0 && last < first)
        is_one = false;
    if (is_one && digits == 0 && last > 0 && whole == 0)
        is_one = false; /* the end of nothing: satisfied by the whole */
    if (!is_one) {
        /* Numbers beyond what fits count as the largest, and are equal then. */
        hold(kind == RANGE_NONE || (digits > 18 && behind > 18));
        return;
    }
    if (digits == 0) {
        first = last < whole ? whole - last : 0;
        last = whole - 1;
        if (behind > 0 && model_number(dash + 1, behind) == 0)
            first = whole;
    } else if (behind == 0 || last >= whole) {
        last = whole - 1;
    }
    hold(kind == (first < whole ? RANGE_ONE : RANGE_UNSATISFIED));
    hold(kind != RANGE_ONE ||
         (found.from == (int64_t)first && found.len == (int64_t)(last - first + 1)));
}

/* --- Dates --- */

/* A date in the form of "Sun, 06 Nov 1994 08:49:37 GMT" is the one that it says, but for its
 * weekday; of the last days of a month some are the next month's first. */
static void hold_fixed_form(const char *text, size_t len, const char *line)
{
    static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";
    bool is_fixed = len == DATE_LEN;
    for (size_t i = 0; is_fixed && i < len; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        is_fixed = form[i] == '0' ? is_digit : form[i] == 'a' ? !is_digit : text[i] == form[i];
    }
    if (!is_fixed)
        return;
    hold(memcmp(text + 5, "01", 2) >= 0 && memcmp(text + 5, "31", 2) <= 0);
    if (memcmp(text + 5, "28", 2) <= 0 && memcmp(text + 23, "60", 2) != 0)
        hold(memcmp(line + 5, text + 5, DATE_LEN - 5) == 0);
}

static void take_date(const char *text, size_t len)
{
    time_t when, again;
    char line[DATE_LEN + 1];
    if (!date_parse(text, len, &when))
        return;
    date_format(when, line);
    hold_fixed_form(text, len, line);
    if (when < 0 || when > INT64_C(253402300799)) /* the year 9999 */
        return;
    hold(date_parse(line, strlen(line), &again) && again == when);
}

/* --- Requests --- */

enum { SEEN_MOST = 64, HEAD_MOST = 1024, TARGET_MOST = 512 };

/* What is made of a stream of requests: the same, however it was cut. */
struct seen {
    char *text; /* of each: its line, its fields, its body; and how it ended */
    size_t len;
    FILE *out;
};

static int note_body(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;
    fwrite(data, 1, len, seen->out);
    return 0;
}

static void note_head(struct seen *seen, const struct request *request)
{
    struct words line = request_line(request);
    struct validators file;
    struct words value;
    hold(line.len <= request->fed);
    fwrite(line.text, 1, line.len, seen->out);
    for (int field = 0; field < FIELDS; field++)
        if (request_field(request, (enum field)field, &value)) {
            hold(value.text >= request->head &&
                 value.text + value.len <= request->head + request->fed);
            fprintf(seen->out, "\n%d: ", field);
            fwrite(value.text, 1, value.len, seen->out);
        }
    validators_set(&file, 7, 1000, (struct timespec){784111777, 5});
    int status = condition_status(request, &file);
    hold(status == 0 || status == 304 || status == 412);
    fprintf(seen->out, "\n%d %d %lld\n", status, condition_range_holds(request, &file),
            (long long)request_body_length(request));
    hold(request->target.at + request->target.len <= request->fed);
    take_target(request->head + request->target.at, request->target.len);
}

struct pieces {
    const char *data;
    size_t size;
    size_t come;   /* bytes of it that are there */
    unsigned rule; /* 0: all at once */
};

static bool more_comes(struct pieces *pieces)
{
    if (pieces->come == pieces->size)
        return false;
    size_t piece = pieces->size - pieces->come;
    if (pieces->rule > 0) {
        pieces->rule = pieces->rule * 5 % 251 + 1;
        size_t most = pieces->rule % 16 + 1;
        piece = piece < most ? piece : most;
    }
    pieces->come += piece;
    return true;
}

/* In memory of its own, as what was received may move, and so that what lies behind is not read. */
static enum request_state feed_head(struct request *request, struct pieces *pieces, size_t at,
                                    char **head)
{
    enum request_state state;
    do {
        size_t len = pieces->come - at;
        char *moved = malloc(len > 0 ? len : 1);
        memcpy(moved, pieces->data + at, len);
        state = request_feed(request, moved, len);
        free(*head);
        *head = moved;
    } while (state == REQUEST_INCOMPLETE && more_comes(pieces));
    return state;
}

static enum request_state feed_body(struct request *request, struct pieces *pieces, size_t *at)
{
    enum request_state state = REQUEST_INCOMPLETE;
    do {
        size_t used = 0;
        if (*at < pieces->come)
            state = request_body(request, pieces->data + *at, pieces->come - *at, &used);
        hold(used <= pieces->come - *at);
        *at += used;
    } while (state == REQUEST_INCOMPLETE && more_comes(pieces));
    return state;
}

/* Returns false where no request follows. */
static bool take_request(struct seen *seen, struct pieces *pieces, size_t *at)
{
    struct request request;
    char *head = NULL;
    request_init(&request, TARGET_MOST, HEAD_MOST);
    enum request_state state = feed_head(&request, pieces, *at, &head);
    if (state == REQUEST_COMPLETE) {
        hold(request.fed > 0 && request.fed <= pieces->come - *at);
        note_head(seen, &request);
        *at += request.fed;
        request.sink = note_body;
        request.sink_arg = seen;
        if (request_has_body(&request))
            state = feed_body(&request, pieces, at);
        hold(state != REQUEST_COMPLETE || request.done);
    }
    hold((state == REQUEST_REFUSED) == (request.status != 0));
    hold(state != REQUEST_REFUSED || (request.status >= 400 && request.status <= 505));
    fprintf(seen->out, "\n= %d %s\n", state, request.status == 0 ? "" : "refused");
    free(head);
    return state == REQUEST_COMPLETE && (*at < pieces->come || more_comes(pieces));
}

static void take_requests(struct seen *seen, struct pieces pieces)
{
    size_t at = 0;
    seen->out = open_memstream(&seen->text, &seen->len);
    bool more = more_comes(&pieces);
    for (int i = 0; i < SEEN_MOST && more; i++)
        more = take_request(seen, &pieces, &at);
    fclose(seen->out);
}

static void compare_requests(input *rest)
{
    unsigned rule = take_byte(rest) | 1u;
    struct pieces whole = {.data = (const char *)rest->at, .size = rest->left};
    struct pieces cut = whole;
    struct seen one = {0}, other = {0};
    cut.rule = rule;
    take_requests(&one, whole);
    take_requests(&other, cut);
    hold(one.len == other.len && memcmp(one.text, other.text, one.len) == 0);
    free(one.text);
    free(other.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    unsigned kind = take_byte(&rest) % 4;
    if (kind == 0) {
        take_target((const char *)rest.at, rest.left);
    } else if (kind == 1) {
        int64_t file = (int64_t)take_number(&rest, 4);
        take_range((const char *)rest.at, rest.left, file);
    } else if (kind == 2) {
        take_date((const char *)rest.at, rest.left);
    } else {
        compare_requests(&rest);
    }
    return 0;
}
