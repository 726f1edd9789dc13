/*
 * whorl-bench: measures whorl and, in the same run, what one would write without it.
 *
 * Exit status: 0 done; 1 a run failed; 2 the arguments make no sense. Either of the last two comes
 * with one sentence on stderr. stdout has tables, or with --json - the JSON and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "echo.h"
#include "fail.h"
#include "kernel_features.h"
#include "file.h"
#include "json.h"
#include "plan.h"
#include "report.h"

enum { EXIT_DONE = 0, EXIT_RUN_FAILED = 1, EXIT_REFUSED = 2 };

/* That the JSON does not go into a file that is to be read or written. */
static int check_json(const plan *todo, const options *given, const struct stat *seen)
{
    struct stat used;
    for (size_t i = 0; i < todo->count; i++) {
        int fd = todo->steps[i].options.file_fd;
        if (fd < 0 || fstat(fd, &used) != 0)
            continue;
        if (used.st_dev == seen->st_dev && used.st_ino == seen->st_ino)
            return fail("--json \"%s\" and --file \"%s\" are the same file, and the one would "
                        "destroy the other: name two",
                        given->json, given->file);
    }
    return 0;
}

/* The file is emptied only when it is certain that it is no other's. */
static FILE *empty_json(int fd, const struct stat *seen)
{
    FILE *out = NULL;
    if (!S_ISREG(seen->st_mode) || ftruncate(fd, 0) == 0)
        out = fdopen(fd, "w");
    if (out == NULL)
        close(fd);
    return out;
}

/* Opens --json. 0, or -1 with a sentence. *out is NULL when no JSON is wanted. */
static int open_json(const plan *todo, const options *given, FILE **out)
{
    *out = NULL;
    if (given->json == NULL)
        return 0;
    bool is_stdout = strcmp(given->json, "-") == 0;
    int fd = is_stdout ? STDOUT_FILENO : open(given->json, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    struct stat seen;
    bool is_open = fd >= 0 && fstat(fd, &seen) == 0;
    if (is_open && check_json(todo, given, &seen) != 0) {
        if (!is_stdout)
            close(fd);
        return -1;
    }
    if (is_open)
        *out = is_stdout ? stdout : empty_json(fd, &seen);
    if (*out != NULL)
        return 0;
    return fail("--json \"%s\" cannot be written: %s; name a file that can, or - for stdout",
                given->json, strerror(errno));
}

static int run_into(plan *todo, FILE *out)
{
    FILE *tables = out != stdout ? stdout : NULL;
    json rows;
    if (out != NULL)
        json_begin(&rows, out);
    if (tables != NULL)
        report_machine(tables);
    int status = plan_run(todo, tables, out != NULL ? &rows : NULL);
    if (out != NULL && json_end(&rows) != 0)
        status = EXIT_RUN_FAILED;
    if (tables != NULL && (fflush(tables) != 0 || ferror(tables))) {
        fail("writing the tables failed: see that there is room where stdout goes");
        status = EXIT_RUN_FAILED;
    }
    return status;
}

static int print_features(const options *given)
{
    FILE *out;
    if (open_json(&(plan){0}, given, &out) != 0)
        return EXIT_REFUSED;
    int failed = features_print(out != stdout ? stdout : NULL, out);
    if (out != NULL && out != stdout)
        fclose(out);
    return failed ? EXIT_RUN_FAILED : EXIT_DONE;
}

static int run_plan(const options *given)
{
    plan todo;
    FILE *out;
    int status = plan_make(&todo, given);
    if (status != 0)
        return status;
    if (open_json(&todo, given, &out) != 0) {
        plan_drop(&todo);
        return EXIT_REFUSED;
    }
    status = run_into(&todo, out);
    if (out != NULL && out != stdout)
        fclose(out);
    return status;
}

int main(int argc, char **argv)
{
    options given;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    int parsed = options_parse(argc, argv, &given);
    if (parsed != 0)
        return parsed > 0 ? EXIT_DONE : EXIT_REFUSED;
    options full = options_for(given.command, &given);
    if (full.command == COMMAND_FEATURES)
        return print_features(&full);
    if (full.listen == NULL)
        return run_plan(&full);
    return echo_check(&full) == 0 ? echo_listen(&full) : EXIT_REFUSED;
}
