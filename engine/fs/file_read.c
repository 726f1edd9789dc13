/* Reading bytes. See file.h. */
#include <fs/file.h>

ssize_t file_refill(whorl_file *file, size_t want)
{
    char *data;
    run_set(file, NULL, 0);
    ssize_t got = ahead_next(file, want, &data);
    if (got > 0)
        run_set(file, data, (size_t)got);
    return got;
}

/* Takes bytes out of the run. */
static size_t take(whorl_file *file, char *buf, size_t len)
{
    size_t taken = run_length(file) < len ? run_length(file) : len;
    if (taken > 0)
        memcpy(buf, file->here, taken);
    file->here += taken;
    return taken;
}

/* Reads until `len` bytes are there or something comes between: *why is what, 0 for the end. */
static size_t collect(whorl_file *file, char *buf, size_t len, ssize_t *why)
{
    size_t got = take(file, buf, len);
    *why = 1;
    while (got < len) {
        *why = file_refill(file, len - got);
        if (*why <= 0)
            break;
        got += take(file, buf + got, len - got);
    }
    file->ended = *why == 0;
    return got;
}

ssize_t whorl_file_read(whorl_file *file, void *buf, size_t len)
{
    if (!buf && len > 0)
        return -EINVAL;
    int error = file_begin_read(file);
    if (error)
        return error;
    /* What has come of a stream, and no more. */
    if (!file->positioned && run_length(file) > 0 && run_length(file) < len)
        len = run_length(file);
    ssize_t why = 1;
    size_t got;
    if (file->positioned) {
        got = collect(file, buf, len, &why);
    } else {
        if (run_length(file) == 0 && len > 0)
            why = file_refill(file, len);
        file->ended = why == 0;
        got = take(file, buf, len);
    }
    return got > 0 || why >= 0 ? (ssize_t)got : why;
}

/* Has bytes that were taken be the next again. Of a stream they are kept in `held`; the run is
 * empty. */
static int give_back(whorl_file *file, const char *buf, size_t len)
{
    if (file->positioned) {
        file->after -= (int64_t)(run_length(file) + len);
        run_set(file, NULL, 0);
        return 0;
    }
    int error = held_reserve(file, len);
    if (error)
        return error;
    memcpy(file->held, buf, len);
    run_set(file, file->held, len);
    return 0;
}

ssize_t whorl_file_read_exactly(whorl_file *file, void *buf, size_t len)
{
    if (!buf && len > 0)
        return -EINVAL;
    int error = file_begin_read(file);
    if (error)
        return error;
    ssize_t why;
    size_t got = collect(file, buf, len, &why);
    if (got == 0 && why < 0)
        return why;
    if (why == -ECANCELED && give_back(file, buf, got) == 0)
        return -ECANCELED;
    return (ssize_t)got;
}

int whorl_file_eof(const whorl_file *file)
{
    return file ? file->ended : -EINVAL;
}
