/* See download.h. */
#include "download.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "get.h"
#include "output.h"
#include "retry.h"
#include "transfer.h"
#include "version.h"
#include "words.h"

/* Of the body of an answer that is of no use so much is read, for so long, to keep the
 * connection. */
enum { DRAINED_BYTES = 64 * 1024 };
#define DRAINED_FOR WHORL_SECONDS(1)

/* What a download's task alone knows of it. */
struct work {
    download *self;
    struct get *get;
    output output;
    struct version known; /* of which `output` holds the beginning */
    bool is_pieced;       /* and not all of that came in one answer */
};

/* --- The body --- */

/* Forgets what is there. */
static int restart(struct work *work)
{
    int error = output_restart(&work->output, &work->self->failure);
    work->known = (struct version){.size = -1};
    work->is_pieced = false;
    work->self->have = work->self->resumed = 0;
    return error;
}

/* The note is written when nothing of the version before is left, and before anything of the new
 * one is there. */
static int begin_version(struct work *work, const struct transfer *transfer, int64_t size)
{
    int error = restart(work);
    if (error != 0)
        return error;
    work->known =
        version_of(transfer_header(transfer, "ETag"), transfer_header(transfer, "Last-Modified"),
                   transfer_header(transfer, "Date"), size);
    error =
        version_write(&work->known, &work->get->directory, work->output.note, work->self->shown);
    if (error != 0)
        return failure_of_file(&work->self->failure, error, "writing", work->output.note);
    return 0;
}

/* What there is besides may be as wrong. */
static int refuse_more(download *self, int64_t size)
{
    failure_tell(&self->failure, FAILURE_TRANSIENT,
                 "the server sends more than the %" PRId64 " bytes in all that it promised: "
                 "beginning anew",
                 size);
    self->failure.is_stale = true;
    return -EIO;
}

static int receive(struct work *work, struct transfer *transfer, int64_t size)
{
    download *self = work->self;
    const char *data;
    ssize_t got;
    self->size = size;
    while ((got = transfer_read(transfer, &data, &self->failure)) > 0) {
        self->received += got;
        if (size >= 0 && got > size - work->output.size)
            return refuse_more(self, size);
        int error = output_write(&work->output, data, (size_t)got, &self->failure);
        self->have = work->output.size;
        if (error != 0)
            return error;
    }
    if (got == 0 && size >= 0 && work->output.size != size)
        return failure_tell(&self->failure, FAILURE_TRANSIENT,
                            "the server sent %" PRId64 " bytes in all, not the %" PRId64
                            " that it promised",
                            work->output.size, size);
    return (int)got;
}

static void drain(struct transfer *transfer)
{
    whorl_timeout scope;
    const char *data;
    ssize_t got, all = 0;
    struct failure untold;
    whorl_timeout_begin(&scope, DRAINED_FOR);
    do {
        got = transfer_read(transfer, &data, &untold);
        all += got;
    } while (got > 0 && all < DRAINED_BYTES);
    whorl_timeout_end(&scope, 0);
}

static int take_answer(struct work *work, struct transfer *transfer, char **next)
{
    int error;
    work->self->status = transfer_status(transfer);
    answer got = answer_of(transfer, &work->known, &work->self->failure);
    switch (got.kind) {
    case ANSWER_WHOLE:
        error = begin_version(work, transfer, got.size);
        return error != 0 ? error : receive(work, transfer, got.size);
    case ANSWER_REST:
        work->is_pieced = true;
        return receive(work, transfer, got.size);
    case ANSWER_NO_MORE:
        work->is_pieced = true;
        work->self->size = got.size;
        return 0;
    case ANSWER_REDIRECT:
        *next = got.location;
        drain(transfer);
        return 0;
    case ANSWER_FAILURE:
        drain(transfer);
        return -EIO;
    }
    return -EIO;
}

/* --- The request --- */

static bool is_secret(const char *header)
{
    return strncasecmp(header, "Authorization:", 14) == 0 || strncasecmp(header, "Cookie:", 7) == 0;
}

/* One more header, copied. False for want of memory. */
static bool add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

/* The user's headers, without secrets where a redirect has led to somebody else; and the version
 * that is to be gone on with. */
static int make_headers(const struct work *work, const char *url, struct curl_slist **list)
{
    char if_range[sizeof work->known.validator + 16];
    bool is_asked = answer_same_origin(work->self->url, url), is_good = true;
    *list = NULL;
    for (const struct curl_slist *at = work->get->options.headers; at != NULL; at = at->next)
        if (is_asked || !is_secret(at->data))
            is_good = is_good && add_header(list, at->data);
    snprintf(if_range, sizeof if_range, "If-Range: %s", work->known.validator);
    if (work->output.size > 0)
        is_good = is_good && add_header(list, if_range);
    return is_good ? 0
                   : failure_tell(&work->self->failure, FAILURE_FINAL,
                                  "there is no memory left: run it with fewer --jobs");
}

/* One request, and what comes of it. *next is NULL, or where a redirect leads. */
static int transact(struct work *work, const char *url, const host *at, char **next)
{
    const options *given = &work->get->options;
    struct curl_slist *headers;
    struct transfer transfer;
    int error = make_headers(work, url, &headers);
    struct request asked = {
        .url = url,
        .headers = headers,
        .addresses = at->addresses,
        .from = work->output.size,
        .user_agent = given->user_agent,
        .authorities = given->cacert,
        .trusts_all = given->insecure,
        .connect_limit = given->connect_timeout,
        .stall_limit = given->stall_timeout,
    };
    if (error == 0)
        error = transfer_begin(&transfer, &work->get->driver, &asked, &work->self->failure);
    if (error == 0) {
        work->self->is_moving = true;
        error = transfer_head(&transfer, &work->self->failure);
        if (error == 0)
            error = take_answer(work, &transfer, next);
        work->self->is_moving = false;
        transfer_end(&transfer);
    }
    curl_slist_free_all(headers);
    return error;
}

/* The same when it is the download's turn. */
static int ask(struct work *work, const char *url, char **next)
{
    host *at = hosts_find(&work->get->hosts, url, &work->self->failure);
    int error = at != NULL ? host_look_up(at, &work->self->failure) : -EIO;
    if (error == 0)
        error = hosts_enter(&work->get->hosts, at);
    if (error != 0)
        return error;
    error = transact(work, url, at, next);
    hosts_leave(&work->get->hosts, at);
    return error;
}

static int check_redirect(struct work *work, const char *from, const char *to, unsigned followed)
{
    const options *given = &work->get->options;
    const char *why = answer_forbids(from, to, given->insecure);
    if (why != NULL)
        return failure_tell(&work->self->failure, FAILURE_FINAL,
                            "the server redirects to \"%s\", %s", to, why);
    if (followed >= given->max_redirects)
        return failure_tell(&work->self->failure, FAILURE_FINAL,
                            "the server redirects more than %" PRIu64
                            " times, the last time to \"%s\": see "
                            "whether they go round in a circle, or raise --max-redirects",
                            given->max_redirects, to);
    return 0;
}

/* From the URL, through all redirects, to a body. */
static int follow(struct work *work)
{
    char *url = strdup(work->self->url), *next = NULL;
    int error =
        url != NULL ? 0 : failure_tell(&work->self->failure, FAILURE_FINAL, "no memory is left");
    for (unsigned followed = 0; error == 0; followed++) {
        error = ask(work, url, &next);
        if (error != 0 || next == NULL)
            break;
        error = check_redirect(work, url, next, followed);
        free(url);
        url = next;
        next = NULL;
    }
    free(next);
    free(url);
    return error;
}

/* --- The file --- */

/* Goes on with what is there if it is known what that is, and its version can be asked for. */
static int begin(struct work *work)
{
    const options *given = &work->get->options;
    bool is_known =
        !given->no_resume && work->output.size > 0 &&
        version_read(&work->known, &work->get->directory, work->output.note, work->self->shown);
    if (!is_known || work->known.validator[0] == '\0' ||
        (work->known.size >= 0 && work->output.size > work->known.size))
        return restart(work);
    work->self->size = work->known.size;
    work->self->have = work->self->resumed = work->output.size;
    return 0;
}

/* All is there: is it right? A wrong sum of what came in pieces says that they do not fit. */
static int finish(struct work *work)
{
    download *self = work->self;
    int error = self->has_sum
                    ? checksum_check(&self->sum, work->output.fd, work->output.part, &self->failure)
                    : 0;
    if (error == -EBADMSG && work->is_pieced)
        self->failure.is_stale = true;
    else if (error == -EBADMSG)
        output_remove(&work->output);
    return error != 0 ? error
                      : output_finish(&work->output, work->get->options.force, &self->failure);
}

/* After a failure: 0 when it is time to try again, else the error that stays. */
static int prepare_retry(struct work *work, int error)
{
    download *self = work->self;
    const options *given = &work->get->options;
    if (error == -ECANCELED)
        return error;
    if (self->failure.is_stale) {
        board_tell(&work->get->board, BOARD_NEWS, "%s: %s", self->name, self->failure.text);
        return restart(work);
    }
    if (!self->failure.is_transient || self->attempts > given->retries)
        return error;
    if (work->known.validator[0] == '\0') {
        int lost = restart(work);
        if (lost != 0)
            return lost;
    }
    int64_t wait =
        retry_wait(given->retry_delay, self->attempts, self->failure.wait, &work->get->jitter);
    board_tell(&work->get->board, BOARD_NEWS, "%s: %s; trying again in %s (%u of %" PRIu64 ")",
               self->name, self->failure.text, words_time((double)wait).text, self->attempts,
               given->retries);
    return whorl_sleep(wait);
}

static int try_until_done(struct work *work)
{
    download *self = work->self;
    for (;;) {
        self->attempts++;
        int error = follow(work);
        if (error == 0)
            error = finish(work);
        if (error != 0)
            error = prepare_retry(work, error);
        else
            return 0;
        if (error != 0)
            return error;
    }
}

static int fetch(download *self)
{
    struct work work = {.self = self, .get = self->get, .known = {.size = -1}};
    int error = output_open(&work.output, &self->get->directory, self->name,
                            self->get->options.force, &self->failure);
    if (error != 0)
        return error;
    error = begin(&work);
    if (error == 0)
        error = try_until_done(&work);
    self->have = work.output.size;
    output_close(&work.output);
    return error;
}

static void tell(const download *self)
{
    struct board *board = &self->get->board;
    words time = words_time((double)(self->ended - self->begun));
    if (self->fate == FATE_SAVED)
        board_tell(board, BOARD_NEWS, "%s: saved, %s in %s", self->name,
                   words_bytes((double)self->have).text, time.text);
    if (self->fate == FATE_FAILED)
        board_tell(board, BOARD_FAILURE, "%s: %s", self->shown, self->failure.text);
}

intptr_t download_run(void *arg)
{
    download *self = arg;
    int64_t limit = self->get->options.timeout;
    whorl_timeout scope;
    self->fate = FATE_RUNNING;
    self->begun = whorl_now();
    whorl_timeout_begin(&scope, limit > 0 ? limit : WHORL_FOREVER);
    int error = (int)whorl_timeout_end(&scope, fetch(self));
    if (error == -ETIMEDOUT)
        failure_tell(
            &self->failure, FAILURE_FINAL,
            "it was not whole after %g seconds: run this again, and it goes on where it stopped; "
            "--timeout gives it more time",
            (double)limit / 1e9);
    self->ended = whorl_now();
    self->fate = error == 0 ? FATE_SAVED : error == -ECANCELED ? FATE_CANCELLED : FATE_FAILED;
    tell(self);
    return 0;
}
