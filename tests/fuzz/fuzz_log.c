/*
 * The recovery of a write-ahead log from whatever its file holds.
 *
 * Input: a byte. 0 of 3: the rest is the file. 1: a log as this library writes it, with damage:
 *
 *     8  identity; 1  a bit for each header: damaged; 2  bytes the file is cut by, from its end
 *     2  position among the records, and 1, what one byte there is changed by; 0: it is not
 *     1  length of a record, and its bytes; and so on
 *
 * 2: the same with any LSN and place of the first record, eight bytes each, before the records, and
 * all whole. What was whole before the damage must be found, and nothing else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <fs/crc32c.h>
#include <fs/log_format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <whorl.h>

enum { FILE_MOST = 1 << 16, RECORDS_MOST = 256 };

static const char last_record[] = "appended";

struct image {
    unsigned char bytes[FILE_MOST];
    size_t size;
    bool is_modelled; /* what is to be found is known: */
    size_t count;
    struct {
        size_t at;
        size_t len;
    } records[RECORDS_MOST];
};

static struct image image;
static char path[64];

static void put_record(uint64_t identity, int64_t lsn, input *rest)
{
    size_t len = take_byte(rest);
    unsigned char *to = image.bytes + image.size;
    for (size_t i = 0; i < len; i++)
        to[LOG_RECORD_HEADER + i] = take_byte(rest);
    uint32_t seed = log_record_seed(identity, lsn, (uint32_t)len);
    log_record_encode(to, crc32c(seed, to + LOG_RECORD_HEADER, len), (uint32_t)len);
    image.records[image.count].at = image.size + LOG_RECORD_HEADER;
    image.records[image.count++].len = len;
    image.size += LOG_RECORD_HEADER + len;
}

/* What lies at `at` or behind is not as it was. */
static void lose_from(size_t at)
{
    while (image.count > 0 &&
           image.records[image.count - 1].at + image.records[image.count - 1].len > at)
        image.count--;
}

static void build(input *rest, bool is_anywhere)
{
    uint64_t identity = take_number(rest, 8);
    uint8_t damaged = is_anywhere ? 0 : take_byte(rest);
    size_t cut = is_anywhere ? 0 : take_number(rest, 2);
    size_t place = is_anywhere ? 0 : take_number(rest, 2);
    uint8_t change = is_anywhere ? 0 : take_byte(rest);
    struct log_header header = {.identity = identity, .sequence = 2, .offset = LOG_DATA};
    if (is_anywhere) {
        header.first = (int64_t)take_number(rest, 8);
        header.offset = (int64_t)take_number(rest, 8);
    }
    for (size_t i = 0; i < 2; i++) {
        log_header_encode(image.bytes + i * LOG_SLOT, &header);
        image.bytes[i * LOG_SLOT + 20] ^= damaged >> i & 1;
    }
    image.size = LOG_DATA;
    uint64_t lsn = (uint64_t)header.first;
    while (rest->left > 0 && image.count < RECORDS_MOST && image.size < FILE_MOST - 300) {
        put_record(identity, (int64_t)(lsn + image.size - LOG_DATA), rest);
    }
    size_t behind = image.size - LOG_DATA;
    if (change != 0 && behind > 0) {
        image.bytes[LOG_DATA + place % behind] ^= change;
        lose_from(LOG_DATA + place % behind);
    }
    image.size -= cut % (behind + 1);
    lose_from(image.size);
    image.is_modelled = !is_anywhere && (damaged & 3) != 3;
}

static void write_file(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    hold(fd >= 0);
    hold(write(fd, image.bytes, image.size) == (ssize_t)image.size);
    close(fd);
}

/* Reads all records, and holds that they are those of the model and then, where it was appended,
 * the last. Returns how many. */
static size_t read_records(whorl_log *log, bool has_last)
{
    whorl_log_cursor cursor;
    whorl_log_record record;
    size_t count = 0;
    int64_t next = whorl_log_first(log);
    int got;
    hold(whorl_log_cursor_begin(&cursor, log, 0) == 0);
    while ((got = whorl_log_cursor_next(&cursor, &record)) == 1) {
        hold(record.lsn == next);
        next += LOG_RECORD_HEADER + (int64_t)record.len;
        bool is_last = has_last && next == whorl_log_end(log);
        hold(!is_last || (record.len == sizeof last_record &&
                          memcmp(record.data, last_record, sizeof last_record) == 0));
        if (image.is_modelled && !is_last) {
            hold(count < image.count && record.len == image.records[count].len);
            hold(memcmp(record.data, image.bytes + image.records[count].at, record.len) == 0);
        }
        count++;
    }
    hold(got == 0);
    hold(next == whorl_log_end(log));
    whorl_log_cursor_end(&cursor);
    return count;
}

static int open_log(whorl_log *log)
{
    return whorl_log_open(log, path, &(whorl_log_options){.reserve = WHORL_LOG_NO_RESERVE});
}

/* The log is open: what was found is there; a record more, and again it is, and that one. */
static void use(whorl_log *log)
{
    whorl_log_stats stats;
    size_t found = read_records(log, false);
    hold(whorl_log_get_stats(log, &stats) == 0 && stats.recovered == found);
    hold(!image.is_modelled || found == image.count);
    int64_t end = whorl_log_end(log);
    int64_t lsn = whorl_log_append(log, last_record, sizeof last_record);
    hold(lsn == end || (lsn < 0 && !image.is_modelled));
    hold(whorl_log_close(log) == 0);
    if (lsn < 0)
        return;
    hold(open_log(log) == 0);
    hold(read_records(log, true) == found + 1);
    hold(whorl_log_truncate(log, lsn) == 0);
    hold(whorl_log_first(log) == lsn);
    hold(whorl_log_close(log) == 0);
}

static intptr_t recover(void *arg)
{
    whorl_log log;
    int error = open_log(&log);
    (void)arg;
    if (error == 0)
        use(&log);
    else
        hold(!image.is_modelled);
    /* Where no file but a log's is changed. */
    if (error == -EBADMSG || error == -EPROTONOSUPPORT) {
        struct stat seen;
        hold(stat(path, &seen) == 0 && seen.st_size == (off_t)image.size);
    }
    return 0;
}

static void remove_file(void)
{
    unlink(path);
}

static void make_path(void)
{
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/whorl-fuzz-log.%ld", folder, (long)getpid());
    atexit(remove_file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input rest = {data, size};
    if (path[0] == '\0')
        make_path();
    memset(&image, 0, sizeof image);
    unsigned kind = take_byte(&rest) % 3;
    if (kind > 0) {
        build(&rest, kind == 2);
    } else {
        image.size = rest.left < FILE_MOST ? rest.left : FILE_MOST;
        memcpy(image.bytes, rest.at, image.size);
    }
    write_file();
    whorl_config config = {.entries = 16, .completions = 32, .pooled_stacks = 4};
    hold(whorl_run_with(&config, recover, NULL) == 0);
    return 0;
}
