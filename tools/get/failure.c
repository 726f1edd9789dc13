/*
 * See failure.h. What is tried again is what curl --retry does, and connections that break: the
 * statuses 408, 429, 500, 502, 503 and 504, time-outs, resets, bodies that end early. A connection
 * that is refused, a name that is not known, a certificate that is not trusted and a 404 will be
 * the same next time.
 */
#include "failure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

/* Longer than this nobody waits for a server that asks to: it is told instead. */
static const curl_off_t retry_after_max = 3600;

int failure_tell(struct failure *self, enum failure_kind kind, const char *format, ...)
{
    va_list arguments;
    *self = (struct failure){.is_transient = kind == FAILURE_TRANSIENT};
    va_start(arguments, format);
    vsnprintf(self->text, sizeof self->text, format, arguments);
    va_end(arguments);
    return -EIO;
}

static const char *file_advice(int error)
{
    switch (-error) {
    case ENOSPC:
    case EDQUOT:
        return "make room, and run this again: it goes on where it stopped";
    case EFBIG:
        return "the limit on the size of files (ulimit -f) is too low for it";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a directory that you may write to with --directory";
    case ENAMETOOLONG:
        return "choose a shorter name with --output";
    default:
        return "see that the directory is sound, and run this again";
    }
}

int failure_of_file(struct failure *self, int error, const char *what, const char *name)
{
    if (error != -ECANCELED)
        failure_tell(self, FAILURE_FINAL, "%s \"%s\" failed: %s; %s", what, name, strerror(-error),
                     file_advice(error));
    return error;
}

static const struct {
    CURLcode code;
    enum failure_kind kind;
    const char *what;
    const char *advice;
} curl_failures[] = {
    {CURLE_COULDNT_CONNECT, FAILURE_FINAL, "cannot connect", "see that the server is up"},
    {CURLE_OPERATION_TIMEDOUT, FAILURE_TRANSIENT, "the connection took too long",
     "the server may be down or far away: --connect-timeout gives it more time"},
    {CURLE_PARTIAL_FILE, FAILURE_TRANSIENT, "the server broke off in the middle",
     "run this again: it goes on where it stopped"},
    {CURLE_RECV_ERROR, FAILURE_TRANSIENT, "the connection broke",
     "run this again: it goes on where it stopped"},
    {CURLE_SEND_ERROR, FAILURE_TRANSIENT, "the connection broke", "run this again"},
    {CURLE_GOT_NOTHING, FAILURE_TRANSIENT, "the server closed the connection without an answer",
     "see that the URL's scheme and port are right"},
    {CURLE_PEER_FAILED_VERIFICATION, FAILURE_FINAL, "the server's certificate is not to be trusted",
     "see that the host's name is right; --cacert names the authority of a private server"},
    {CURLE_SSL_CACERT_BADFILE, FAILURE_FINAL, "the file of --cacert cannot be used",
     "give a file of certificates in PEM format"},
    {CURLE_SSL_CONNECT_ERROR, FAILURE_FINAL, "TLS could not be set up",
     "see that the server speaks https on this port"},
    {CURLE_UNSUPPORTED_PROTOCOL, FAILURE_FINAL, "the server does not answer in HTTP",
     "see that the URL's scheme and port are right"},
    {CURLE_WEIRD_SERVER_REPLY, FAILURE_FINAL, "the server does not answer in HTTP",
     "see that the URL's scheme and port are right"},
    {CURLE_OUT_OF_MEMORY, FAILURE_FINAL, "there is no memory left", "run it with fewer --jobs"},
};

/* What errno says of a connection that was not made or did not last. */
static bool passes_by_itself(long error)
{
    return error == ECONNRESET || error == ETIMEDOUT || error == ENETUNREACH ||
           error == EHOSTUNREACH || error == ECONNABORTED || error == EPIPE;
}

int failure_of_curl(struct failure *self, CURL *easy, CURLcode code, const char *detail)
{
    long error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    if (detail[0] == '\0')
        detail = curl_easy_strerror(code);
    for (size_t i = 0; i < sizeof curl_failures / sizeof curl_failures[0]; i++) {
        if (curl_failures[i].code != code)
            continue;
        bool is_transient = curl_failures[i].kind == FAILURE_TRANSIENT || passes_by_itself(error);
        return failure_tell(self, is_transient ? FAILURE_TRANSIENT : FAILURE_FINAL, "%s: %s; %s",
                            curl_failures[i].what, detail, curl_failures[i].advice);
    }
    return failure_tell(self, FAILURE_FINAL, "the transfer failed: %s (curl's error %d)", detail,
                        code);
}

static const char *status_words(long status)
{
    switch (status) {
    case 401:
        return " (unauthorized): it wants to know who you are; put a user and a password into the "
               "URL, or give a header with -H";
    case 403:
        return " (forbidden): it does not give this to you";
    case 404:
        return " (not found): see that the URL is right";
    case 410:
        return " (gone): it has it no more";
    case 429:
        return " (too many requests): try with fewer --jobs, or later";
    case 503:
        return " (unavailable): try later";
    default:
        return status >= 500 ? ": it is in trouble; try later" : "";
    }
}

int failure_of_status(struct failure *self, CURL *easy, long status)
{
    static const long transient[] = {408, 429, 500, 502, 503, 504};
    curl_off_t wait = 0;
    failure_tell(self, FAILURE_FINAL, "the server answered %ld%s", status, status_words(status));
    for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++)
        self->is_transient |= status == transient[i];
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
    if (wait > retry_after_max)
        return failure_tell(
            self, FAILURE_FINAL,
            "the server answered %ld, and asks to come back in %" CURL_FORMAT_CURL_OFF_T
            " seconds: run this again then",
            status, wait);
    self->wait = WHORL_SECONDS(wait > 0 ? wait : 0);
    return -EIO;
}
