/* The sendfile workload by whorl: whorl_sendfile, and sendfile(2) on a thread of the pool. */
#include <errno.h>
#include <sys/sendfile.h>
#include <whorl.h>

#include "clock.h"
#include "sendfile.h"

static intptr_t send_pieces(void *arg)
{
    sendfile_job *in = arg;
    sendfile_begin(in);
    while (clock_now() < in->end) {
        off_t at = (off_t)sendfile_next(in);
        ssize_t sent = whorl_sendfile(in->socket, in->file, &at, in->given->size);
        if (sent != (ssize_t)in->given->size)
            return sent < 0 ? sent : -EIO;
    }
    sendfile_stop(in);
    return 0;
}

int sendfile_by_whorl(sendfile_job *in)
{
    return (int)whorl_run(send_pieces, in);
}

/* --- On a thread --- */

typedef struct piece {
    const sendfile_job *job;
    off_t at;
} piece;

static intptr_t send_blocking(void *arg)
{
    piece *one = arg;
    for (uint64_t left = one->job->given->size; left > 0;) {
        ssize_t did = sendfile(one->job->socket, one->job->file, &one->at, left);
        if (did <= 0)
            return did < 0 ? -errno : -EIO;
        left -= (uint64_t)did;
    }
    return 0;
}

static intptr_t give_pieces_away(void *arg)
{
    sendfile_job *in = arg;
    intptr_t error = 0;
    sendfile_begin(in);
    while (error == 0 && clock_now() < in->end) {
        piece one = {in, (off_t)sendfile_next(in)};
        error = whorl_to_thread(send_blocking, &one);
    }
    sendfile_stop(in);
    return error;
}

int sendfile_by_thread(sendfile_job *in)
{
    return (int)whorl_run(give_pieces_away, in);
}
