/*
 * Directories where the system refuses: memory, entries, types; and what may be read but not
 * searched.
 */
#include "fs/refusals.h"

#include "fs/small_disk.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_files(int count)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%d", i);
        check_equal(mknod(path_of(name).text, S_IFREG | 0600, 0), 0);
    }
}

static int count_entries(whorl_dir *dir, int *count)
{
    whorl_dir_entry entry;
    int result;
    while ((result = whorl_dir_next(dir, &entry)) == 1)
        ++*count;
    return result;
}

/* --- Memory --- */

static intptr_t open_read_close(void *arg)
{
    int count = 0;
    whorl_dir dir;
    (void)arg;
    int error = whorl_dir_open(&dir, path_of("").text, 0);
    if (error) {
        check_equal(whorl_dir_close(&dir), -EINVAL);
        return error;
    }
    check_equal(count_entries(&dir, &count), 0);
    check_equal(count, 2000);
    return whorl_dir_close(&dir);
}

static intptr_t list_and_free(void *arg)
{
    (void)arg;
    char **names = (char **)"nothing";
    ssize_t count = whorl_list_dir(path_of("").text, &names);
    if (count < 0) {
        check(names == NULL);
        return count;
    }
    check_equal(count, 2000);
    check_text(names[1999], "file-999");
    free(names);
    return 0;
}

static intptr_t take_and_close(void *arg)
{
    (void)arg;
    whorl_dir dir;
    int fd = open(path_of("").text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = whorl_dir_from_fd(&dir, fd);
    if (!error)
        return whorl_dir_close(&dir);
    check(is_open(fd)); /* and still ours */
    close(fd);
    return error;
}

static intptr_t refuse_memory_to_each(void *arg)
{
    check_equal(refuse_each_in_turn(open_read_close, NULL) >= 2, 1); /* the pool's, and its own */
    check_equal(refuse_each_in_turn(take_and_close, NULL), 1);
    long refused = refuse_each_in_turn(list_and_free, NULL);
    check(refused >= 3); /* entries, their order, the names */
    print_message("%ld requests of whorl_list_dir were refused in turn\n", refused);
    return (intptr_t)arg;
}

static void without_memory_nothing_is_opened_or_lost(void **state)
{
    (void)state;
    make_files(2000);
    run_checks(refuse_memory_to_each, NULL);
}

/* --- Entries --- */

static intptr_t fail_in_the_middle(void *arg)
{
    whorl_dir dir;
    char **names;
    int count = 0;
    fail_reading(0, EIO); /* of the batch that comes with the opening */
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    check_equal(count_entries(&dir, &count), -EIO);
    check_equal(count, 0);
    check_equal(count_entries(&dir, &count), 0); /* it may be read on */
    check_equal(count, 3000);

    check_equal(whorl_dir_rewind(&dir), 0);
    count = 0;
    fail_reading(1, EIO);
    check_equal(count_entries(&dir, &count), -EIO);
    check(count > 0 && count < 3000);
    check_equal(count_entries(&dir, &count), 0);
    check_equal(count, 3000);

    whorl_dir_entry entry;
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_dir_next(&dir, &entry), 1);
    check_equal(whorl_dir_rewind(&dir), 0); /* with most of a batch still to be given */
    count = 0;
    fail_reading(0, EIO);
    check_equal(count_entries(&dir, &count), -EIO);
    check_equal(count_entries(&dir, &count), 0);
    check_equal(count, 3000);
    check_equal(whorl_dir_close(&dir), 0);

    for (int call = 0; call < 3; call++) {
        fail_reading(call, EIO);
        check_equal(whorl_list_dir(path_of("").text, &names), -EIO);
        check(names == NULL);
    }
    return (intptr_t)arg;
}

static void an_error_of_reading_is_told_once_and_loses_nothing(void **state)
{
    (void)state;
    make_files(3000);
    run_checks(fail_in_the_middle, NULL);
}

/* --- Types --- */

static intptr_t find_types(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    int count = 0;
    check_equal(mkdir(path_of("directory").text, 0700), 0);
    check_equal(symlink("directory", path_of("link").text), 0);
    check_equal(mkfifo(path_of("fifo").text, 0600), 0);
    write_whole(path_of("vanishing").text, "", 0);
    atomic_store(&hides_types, true);
    atomic_store(&hides_a_change, true);
    check_equal(whorl_dir_open(&dir, path_of("").text, 0), 0);
    while (whorl_dir_next(&dir, &entry) == 1) {
        char kind = entry.name[0];
        unsigned char type = kind == 'd' ? DT_DIR : kind == 'l' ? DT_LNK : DT_FIFO;
        check(strcmp(entry.name, "vanishing") != 0);
        check_equal(entry.type, type);
        count++;
    }
    atomic_store(&hides_types, false);
    atomic_store(&hides_a_change, false);
    check_equal(count, 3);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void types_that_the_file_system_hides_are_found(void **state)
{
    (void)state;
    run_checks(find_types, NULL);
}

/* --- Rights --- */

static intptr_t read_without_rights(void *arg)
{
    whorl_dir dir;
    whorl_dir_entry entry;
    char **names;
    check_equal(whorl_dir_open(&dir, "closed", 0), -EACCES);
    check_equal(whorl_list_dir("closed", &names), -EACCES);
    check_equal(whorl_dir_open(&dir, "unlisted", 0), -EACCES);
    check_equal(whorl_dir_open(&dir, "unlisted/inner", 0), 0);
    check_equal(whorl_dir_next(&dir, &entry), 0);
    check_equal(whorl_dir_close(&dir), 0);
    check_equal(whorl_dir_open(&dir, "closed/inner", 0), -EACCES);

    check_equal(whorl_dir_open(&dir, "unsearched", 0), 0);
    check_equal(whorl_dir_next(&dir, &entry), 1);
    check_equal(entry.type, DT_REG);
    atomic_store(&hides_types, true);
    check_equal(whorl_dir_rewind(&dir), 0);
    check_equal(whorl_dir_next(&dir, &entry), 1);
    check_equal(entry.type, DT_UNKNOWN); /* nobody can tell */
    check_equal(whorl_dir_next(&dir, &entry), 0);
    atomic_store(&hides_types, false);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void without_rights_a_directory_is_read_as_far_as_they_go(void **state)
{
    (void)state;
    static const struct {
        const char *name, *inner;
        mode_t mode;
    } made[] = {
        {"closed", "closed/inner", 0700},
        {"unlisted", "unlisted/inner", 0711},
        {"unsearched", "unsearched/inner", 0744},
    };
    for (size_t i = 0; i < count_of(made); i++) {
        check_equal(mkdir(path_of(made[i].name).text, 0755), 0);
        if (i < 2)
            check_equal(mkdir(path_of(made[i].inner).text, 0755), 0);
        else
            write_whole(path_of(made[i].inner).text, "", 0);
        check_equal(chmod(path_of(made[i].name).text, made[i].mode), 0);
    }
    run_checks_as_nobody(read_without_rights, NULL);
}

/* --- Descriptors --- */

static intptr_t open_without_descriptors(void *arg)
{
    whorl_dir dir;
    char **names;
    int spare[4096], count = 0;
    check_equal(whorl_list_dir("/", &names) > 0, 1); /* the pool has what it needs */
    free(names);
    while (count < 4096 && (spare[count] = dup(0)) >= 0)
        count++;
    check(count < 4096);
    check_equal(whorl_dir_open(&dir, "/", 0), -EMFILE);
    check_equal(whorl_list_dir("/", &names), -EMFILE);
    check(names == NULL);
    while (count > 0)
        close(spare[--count]);
    check_equal(whorl_dir_open(&dir, "/", 0), 0);
    check_equal(whorl_dir_close(&dir), 0);
    return (intptr_t)arg;
}

static void without_a_descriptor_nothing_is_opened(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    run_checks(open_without_descriptors, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        behaviour(without_memory_nothing_is_opened_or_lost),
        behaviour(an_error_of_reading_is_told_once_and_loses_nothing),
        behaviour(types_that_the_file_system_hides_are_found),
        behaviour(without_rights_a_directory_is_read_as_far_as_they_go),
        behaviour(without_a_descriptor_nothing_is_opened),
    };
    return run_behaviours("dir_refused", tests);
}
