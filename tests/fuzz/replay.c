/*
 * Has a fuzz target take its corpus, in builds that have no fuzzer: each file whole, cut short at
 * each byte, and with bytes changed at random.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { INPUT_MOST = 1 << 16, CUTS_MOST = 256, CHANGES_MOST = 8 };

static struct seed {
    uint8_t *bytes;
    size_t size;
} * seeds;
static size_t seed_count;

static void folder_of(char *path, size_t room)
{
    const char *root = getenv("top_srcdir");
    const char *name = strstr(program_invocation_short_name, "fuzz_");

    if (root == NULL)
        skip_because("top_srcdir is not set, as make check sets it");
    assert_non_null(name);
    snprintf(path, room, "%s/tests/fuzz/corpus/%s", root, name + strlen("fuzz_"));
}

static void read_seed(const char *folder, const char *name)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    seeds = realloc(seeds, (seed_count + 1) * sizeof *seeds);
    seeds[seed_count].bytes = malloc(INPUT_MOST);
    ssize_t got = read_whole(path, seeds[seed_count].bytes, INPUT_MOST);
    assert_true(got >= 0);
    seeds[seed_count++].size = (size_t)got;
}

static void read_corpus(void)
{
    char path[512];

    if (seed_count > 0)
        return;
    folder_of(path, sizeof path);
    DIR *folder = opendir(path);
    if (folder == NULL)
        fail_msg("there is no corpus %s", path);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            read_seed(path, entry->d_name);
    closedir(folder);
    assert_true(seed_count > 0);
}

/* In memory of just this size, so that a sanitizer sees what is read behind it. */
static void have_it_take(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);

    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void it_takes_each_file_of_its_corpus(void **state)
{
    (void)state;
    read_corpus();
    have_it_take((const uint8_t *)"", 0);
    for (size_t i = 0; i < seed_count; i++)
        have_it_take(seeds[i].bytes, seeds[i].size);
}

static void it_takes_each_file_cut_short(void **state)
{
    (void)state;
    read_corpus();
    for (size_t i = 0; i < seed_count; i++)
        for (size_t cut = 0; cut < seeds[i].size && cut < CUTS_MOST; cut++)
            have_it_take(seeds[i].bytes, cut);
}

static void it_takes_files_with_bytes_changed(void **state)
{
    random_source source = random_from_seed(0);

    (void)state;
    read_corpus();
    for (long i = test_rounds(200); i > 0; i--) {
        const struct seed *seed = &seeds[random_below(&source, seed_count)];
        uint8_t *bytes = malloc(seed->size + 1);

        memcpy(bytes, seed->bytes, seed->size);
        for (uint64_t k = random_below(&source, CHANGES_MOST); k > 0 && seed->size > 0; k--)
            bytes[random_below(&source, seed->size)] = (uint8_t)random_next(&source);
        have_it_take(bytes, seed->size);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaviour(it_takes_each_file_of_its_corpus),
        behaviour(it_takes_each_file_cut_short),
        behaviour(it_takes_files_with_bytes_changed),
    };

    int failed = run_behaviours("fuzz", tests);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i].bytes);
    free(seeds);
    return failed;
}
