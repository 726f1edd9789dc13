/*
 * Advice on files and memory, and the writing of parts of a file: fadvise, madvise and
 * sync_file_range answer as the system calls do, also for lengths beyond 32 bits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "feature_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define LONG_LEN ((size_t)5 << 30)

static int file_of_pages(void)
{
    static const char pages[16 * 4096] = {'x'};
    test_path path = path_of("pages");
    write_whole(path.text, pages, sizeof pages);
    return open(path.text, O_RDWR | O_CLOEXEC);
}

/* --- Files --- */

static void check_fadvise(int fd, off_t offset, off_t len, int advice)
{
    int plain = posix_fadvise(fd, offset, len, advice);
    int result = whorl_fadvise(fd, offset, len, advice);
    if (result != -plain)
        check_failed("fadvise of %jd at %jd, %d: %d, not %d", (intmax_t)len, (intmax_t)offset,
                     advice, result, -plain);
}

static intptr_t advise_files(void *arg)
{
    (void)arg;
    static const off_t lengths[] = {0,        1,         UINT32_MAX, UINT32_MAX + (off_t)1,
                                    LONG_LEN, INT64_MAX, -1};
    int fd = file_of_pages();
    pair both = pipe_pair();
    for (size_t i = 0; i < count_of(lengths); i++) {
        for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE + 1; advice++)
            check_fadvise(fd, 0, lengths[i], advice);
        check_fadvise(fd, 8192, lengths[i], POSIX_FADV_WILLNEED);
        check_fadvise(fd, -1, lengths[i], POSIX_FADV_DONTNEED);
        check_fadvise(both.ends[0], 0, lengths[i], POSIX_FADV_NORMAL);
        check_fadvise(-1, 0, lengths[i], POSIX_FADV_NORMAL);
    }
    close_pair(&both);
    return close(fd);
}

static void fadvise_answers_as_its_page_says(void **state)
{
    (void)state;
    run_checks_on_all_features(advise_files, NULL);
}

/* How many of the file's pages are in memory. */
static int pages_cached(int fd)
{
    unsigned char seen[16] = {0};
    int count = 0;
    void *map = mmap(NULL, sizeof seen * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    check_equal(mincore(map, sizeof seen * PAGE, seen), 0);
    for (size_t i = 0; i < sizeof seen; i++)
        count += seen[i] & 1;
    check_equal(munmap(map, sizeof seen * PAGE), 0);
    return count;
}

static intptr_t drop_pages(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 2; i++) {
        static char text[16 * 4096];
        check_equal(whorl_pread(fd, text, sizeof text, 0), sizeof text);
        check_equal(pages_cached(fd), 16);
        check_equal(whorl_fadvise(fd, 0, i == 0 ? 0 : (off_t)LONG_LEN, POSIX_FADV_DONTNEED), 0);
        check_equal(pages_cached(fd), 0);
    }
    return 0;
}

static void advice_is_taken(void **state)
{
    (void)state;
    int fd = file_of_pages();
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    bool drops = pages_cached(fd) == 0;
    if (drops)
        run_checks(drop_pages, &fd);
    close(fd);
    if (!drops)
        skip_because("the temporary directory's file system keeps its pages");
}

/* --- Memory --- */

static void check_madvise(void *at, size_t len, int advice)
{
    int plain = madvise(at, len, advice) == 0 ? 0 : -errno;
    int result = whorl_madvise(at, len, advice);
    if (result != plain)
        check_failed("madvise of %zu at %p, %d: %d, not %d", len, at, advice, result, plain);
}

static intptr_t advise_memory(void *arg)
{
    char *at = arg;
    static const size_t lengths[] = {0, PAGE, LONG_LEN, LONG_LEN + PAGE, SIZE_MAX};
    for (size_t i = 0; i < count_of(lengths); i++) {
        check_madvise(at, lengths[i], MADV_NORMAL);
        check_madvise(at, lengths[i], MADV_RANDOM);
        check_madvise(at + 1, lengths[i], MADV_NORMAL);
        check_madvise(at, lengths[i], 9999);
    }
    check_madvise(NULL, PAGE, MADV_NORMAL);
    for (int i = 0; i < 2; i++) {
        at[0] = at[LONG_LEN - 1] = 'x';
        check_equal(whorl_madvise(at, i == 0 ? PAGE : LONG_LEN, MADV_DONTNEED), 0);
        check_equal(at[0], 0);
        check_equal(at[LONG_LEN - 1], i == 0 ? 'x' : 0);
    }
    return 0;
}

static void madvise_answers_as_its_page_says(void **state)
{
    (void)state;
    char *at = mmap(NULL, LONG_LEN, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    run_checks_on_all_features(advise_memory, at);
    assert_int_equal(munmap(at, LONG_LEN), 0);
}

/* --- Parts of files --- */

static void check_range(int fd, off_t offset, off_t nbytes, unsigned flags)
{
    int plain = sync_file_range(fd, offset, nbytes, flags) == 0 ? 0 : -errno;
    int result = whorl_sync_file_range(fd, offset, nbytes, flags);
    if (result != plain)
        check_failed("sync_file_range of %jd at %jd, %u: %d, not %d", (intmax_t)nbytes,
                     (intmax_t)offset, flags, result, plain);
}

static intptr_t sync_ranges(void *arg)
{
    (void)arg;
    static const off_t lengths[] = {0,        1,  UINT32_MAX, UINT32_MAX + (off_t)1,
                                    LONG_LEN, -1, INT64_MAX};
    static const off_t offsets[] = {0, 4096, 1, -1, INT64_MAX};
    int fd = file_of_pages();
    pair both = pipe_pair();
    for (size_t i = 0; i < count_of(lengths); i++) {
        for (size_t j = 0; j < count_of(offsets); j++)
            for (unsigned flags = 0; flags <= 8; flags++)
                check_range(fd, offsets[j], lengths[i], flags);
        check_range(both.ends[1], 0, lengths[i], SYNC_FILE_RANGE_WRITE);
        check_range(-1, 0, lengths[i], SYNC_FILE_RANGE_WRITE);
    }
    close_pair(&both);
    return close(fd);
}

static void sync_file_range_answers_as_its_page_says(void **state)
{
    (void)state;
    run_checks_on_all_features(sync_ranges, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(fadvise_answers_as_its_page_says),
        behaviour(advice_is_taken),
        behaviour(madvise_answers_as_its_page_says),
        behaviour(sync_file_range_answers_as_its_page_says),
    };
    return run_behaviours("advise", tests);
}
