/* See files.h. */
#include "files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "listing.h"
#include "sending.h"
#include "text.h"

/* To the same path with a slash at its end, so that the links of what is there lead below it. */
static int redirect(struct connection *self, const struct path *path)
{
    struct text location = {0};
    struct words target = {self->request.head + self->request.target.at, self->request.target.len};
    size_t query_len;
    const char *query = path_query(target.text, target.len, &query_len);
    text_puts(&location, "/");
    text_uri(&location, path->name);
    text_puts(&location, "/");
    text_add(&location, query, query_len);
    if (location.failed) {
        text_drop(&location);
        return answer_status(self, 503, "");
    }
    int error = answer_redirect(self, location.data, location.len);
    text_drop(&location);
    return error;
}

static int send_entry(struct connection *self, struct answer *answer, const struct entry *entry,
                      struct range part)
{
    if (entry->content != NULL)
        return answer_send(answer, entry->content + part.from, (size_t)part.len);
    int error = answer_send(answer, NULL, 0);
    if (error != 0 || self->request.parser.method == HTTP_HEAD)
        return error;
    return sending_file(self, entry->fd, part);
}

static int answer_whole(struct connection *self, const struct entry *entry)
{
    struct answer answer;
    answer_begin(&answer, self, 200);
    answer_add(&answer, entry->headers, entry->headers_len);
    return send_entry(self, &answer, entry, (struct range){0, entry->size});
}

static int answer_part(struct connection *self, const struct entry *entry, struct range part)
{
    struct answer answer;
    answer_begin(&answer, self, 206);
    answer_add(&answer, entry->headers, entry->entity_len);
    answer_printf(&answer,
                  "Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n"
                  "Content-Length: %" PRId64 "\r\n",
                  part.from, part.from + part.len - 1, entry->size, part.len);
    return send_entry(self, &answer, entry, part);
}

static int answer_unmodified(struct connection *self, const struct entry *entry)
{
    struct answer answer;
    answer_begin(&answer, self, 304);
    answer_add(&answer, entry->headers, entry->validators_len);
    return answer_send(&answer, NULL, 0);
}

static int answer_unsatisfied(struct connection *self, const struct entry *entry)
{
    char headers[64];
    snprintf(headers, sizeof headers, "Content-Range: bytes */%" PRId64 "\r\n", entry->size);
    return answer_status(self, 416, headers);
}

static int answer_file(struct connection *self, const struct entry *entry)
{
    struct words value;
    struct range part;
    const struct request *request = &self->request;
    int status = condition_status(request, &entry->validators);
    if (status == 304)
        return answer_unmodified(self, entry);
    if (status != 0)
        return answer_status(self, status, "");
    if (request->parser.method != HTTP_GET || !request_field(request, FIELD_RANGE, &value) ||
        !condition_range_holds(request, &entry->validators))
        return answer_whole(self, entry);
    switch (range_parse(value.text, value.len, entry->size, &part)) {
    case RANGE_ONE:
        return answer_part(self, entry, part);
    case RANGE_UNSATISFIED:
        return answer_unsatisfied(self, entry);
    default:
        return answer_whole(self, entry);
    }
}

int files_answer(struct connection *self, const struct path *path)
{
    struct entry *entry;
    struct cache *cache = &self->server->cache;
    int error = cache_open(cache, path, &entry);
    if (error == 0) {
        error = answer_file(self, entry);
        cache_release(cache, entry);
        return error;
    }
    if (error == -EISDIR)
        return redirect(self, path);
    if (error == -ENOENT && path->directory)
        return listing_answer(self, path);
    return answer_status(self, answer_status_of(error), "");
}
