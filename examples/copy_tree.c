/*
 * Copies a tree of directories, and says what it copied.
 *
 * One call does it: threads work on several directories at once while the task waits. What cannot
 * be copied is left out, told of, and makes the status 1. Ctrl-C cancels the task; then the half of
 * a tree that is there is removed again, in a shield, as a cancelled task may wait for nothing
 * otherwise. Status 2: the arguments make no sense.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

static const char help[] =
    "Usage: copy_tree FROM TO\n"
    "Copies the directory FROM with all that is in it as TO, which must not exist.\n";

struct names {
    const char *from;
    const char *to;
};

static whorl_tree_report report;

static void complain(const char *what, int error)
{
    fprintf(stderr, "copy_tree: cannot %s %s: %s\n", what, report.path, strerror(-error));
    if (report.errors > 1)
        fprintf(stderr, "copy_tree: and %" PRIu64 " more after that\n", report.errors - 1);
}

/* TO was made here if a directory was: else it is somebody else's. */
static void clean_up(const char *to)
{
    whorl_shield shield;
    if (report.directories == 0 || whorl_shield_begin(&shield, WHORL_SECONDS(60)) < 0)
        return;
    int result = (int)whorl_shield_end(&shield, whorl_remove_tree(to, 0, &report));
    if (result < 0)
        complain("remove", result);
}

static void say(uint64_t count, const char *one, const char *many)
{
    if (count > 0)
        printf(", %" PRIu64 " %s", count, count == 1 ? one : many);
}

static void summarize(void)
{
    printf("copied %" PRIu64 " bytes in %" PRIu64 " file%s", report.bytes, report.files,
           report.files == 1 ? "" : "s");
    say(report.directories, "directory", "directories");
    say(report.links, "link", "links");
    say(report.specials, "special file", "special files");
    printf("\n");
}

static intptr_t copy_tree(void *arg)
{
    const struct names *names = arg;
    int result =
        whorl_copy_tree(names->from, names->to, WHORL_TREE_GO_ON | WHORL_TREE_TIMES, &report);
    if (result == -ECANCELED) {
        fputs("copy_tree: interrupted, and what was copied is removed\n", stderr);
        clean_up(names->to);
        return result;
    }
    if (result < 0)
        complain("copy", result);
    if (report.directories > 0)
        summarize();
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0;
    if (argc != 3) {
        fputs("copy_tree: give two names, FROM and TO; --help tells more\n", stderr);
        return 2;
    }
    struct names names = {.from = argv[1], .to = argv[2]};
    intptr_t result = whorl_run(copy_tree, &names);
    if (fflush(stdout) != 0) {
        perror("copy_tree");
        return 1;
    }
    return result < 0;
}
