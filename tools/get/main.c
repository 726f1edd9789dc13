/*
 * whorl-get: downloads many URLs at once.
 *
 * Exit status: 0 all were saved; 1 some were not; 2 the arguments make no sense, and nothing was
 * done; 130 ended by ctrl-C. Each of the others comes with sentences on stderr. stdout has nothing,
 * or with --json - the JSON.
 *
 * What is read and written outside the run (lists, sums, the JSON) is plain stdio; what is
 * downloaded is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "get.h"
#include "names.h"
#include "summary.h"

enum { EXIT_ALL_SAVED = 0, EXIT_SOME_FAILED = 1, EXIT_REFUSED = 2, EXIT_INTERRUPTED = 130 };

/* Downloads that have a task at a time; what waits for a place has one already. */
enum { TASKS_MOST = 1000 };

static int run_downloads(struct get *self)
{
    whorl_group group;
    int error = whorl_group_init(&group);
    for (size_t i = 0; error == 0 && i < self->list.count; i++)
        error =
            whorl_group_spawn_limited(&group, TASKS_MOST, download_run, &self->list.downloads[i]);
    return whorl_group_wait(&group, error);
}

/* The main task. Ctrl-C cancels it, and so each of the downloads. */
static intptr_t run(void *arg)
{
    struct get *self = arg;
    int64_t begun = whorl_now();
    int error = driver_open(&self->driver, (long)self->options.jobs, (long)self->options.per_host);
    if (error != 0)
        return error;
    error = board_begin(&self->board, self);
    if (error == 0) {
        error = run_downloads(self);
        summary all = summary_of(self);
        summary_tell(&all, self, begun);
        board_end(&self->board);
    }
    driver_close(&self->driver);
    return error;
}

static int get_all(struct get *self)
{
    whorl_config config = {.stack_size = DRIVER_STACK};
    hosts_open(&self->hosts, (unsigned)self->options.jobs, (unsigned)self->options.per_host);
    intptr_t result = whorl_run_with(&config, run, self);
    hosts_close(&self->hosts);
    summary all = summary_of(self);
    if (all.cancelled > 0 && (result == 0 || result == -ECANCELED))
        return EXIT_INTERRUPTED;
    if (result < 0)
        refuse("it had to stop: %s", strerror((int)-result));
    return result == 0 && all.saved == self->list.count ? EXIT_ALL_SAVED : EXIT_SOME_FAILED;
}

/* --json is opened before anything is downloaded: it would be a pity to find out after. */
static int open_json(const options *given, FILE **out)
{
    *out = given->json == NULL             ? NULL
           : strcmp(given->json, "-") == 0 ? stdout
                                           : fopen(given->json, "we");
    if (given->json != NULL && *out == NULL)
        return refuse("--json \"%s\" cannot be written: %s; name a file that can, or - for stdout",
                      given->json, strerror(errno));
    return 0;
}

static int get_and_report(struct get *self)
{
    FILE *json;
    if (open_json(&self->options, &json) != 0)
        return EXIT_REFUSED;
    int status = get_all(self);
    if (json != NULL && summary_put_json(self, json) != 0) {
        refuse("writing the JSON failed: see that there is room where it goes");
        status = status == EXIT_ALL_SAVED ? EXIT_SOME_FAILED : status;
    }
    if (json != NULL && json != stdout)
        fclose(json);
    return status;
}

/* --output may lead elsewhere: what stands before its last slash is below --directory. */
static char *directory_for(const options *given, const char **name)
{
    char *path;
    const char *output = given->output;
    const char *slash = output != NULL ? strrchr(output, '/') : NULL;
    *name = slash != NULL ? slash + 1 : output;
    if (slash == NULL)
        return strdup(given->directory);
    int len = (int)(slash - output) + 1;
    int made = *output == '/' ? asprintf(&path, "%.*s", len, output)
                              : asprintf(&path, "%s/%.*s", given->directory, len, output);
    return made < 0 ? NULL : path;
}

static int get_into_directory(struct get *self)
{
    const char *name;
    char *path = directory_for(&self->options, &name);
    int error = path != NULL ? directory_open(&self->directory, path) : -ENOMEM;
    if (error != 0)
        refuse("the directory \"%s\" cannot be used: %s; make it, or choose another with "
               "--directory",
               path != NULL ? path : "", strerror(-error));
    free(path);
    if (error != 0)
        return EXIT_REFUSED;
    int status = EXIT_REFUSED;
    if (list_make(&self->list, &self->options, name) == 0) {
        for (size_t i = 0; i < self->list.count; i++)
            self->list.downloads[i].get = self;
        status = get_and_report(self);
    }
    list_drop(&self->list);
    directory_close(&self->directory);
    return status;
}

/* Where one of the first three descriptors is closed, something else would come to be it, and be
 * written to as if it were stderr. Each fails as one that is closed does. */
static void keep_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* A file that hits its limit gives -EFBIG, which can be told. */
static void set_up_process(void)
{
    struct rlimit files;
    keep_standard_descriptors();
    setlocale(LC_CTYPE, ""); /* for host names that are not ASCII */
    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* What was asked about the program itself has been printed. */
static int status_of_print(void)
{
    if (fflush(stdout) == 0)
        return EXIT_ALL_SAVED;
    refuse("stdout takes nothing: %s", strerror(errno));
    return EXIT_SOME_FAILED;
}

int main(int argc, char **argv)
{
    static struct get self;
    set_up_process();
    if (curl_global_init(CURL_GLOBAL_ALL) != 0) {
        refuse("libcurl cannot be set up");
        return EXIT_SOME_FAILED;
    }
    int parsed = options_parse(argc, argv, &self.options);
    int status = parsed > 0 ? status_of_print() : EXIT_REFUSED;
    if (parsed == 0) {
        if (getrandom(&self.jitter, sizeof self.jitter, GRND_NONBLOCK) < 0)
            self.jitter = (unsigned)whorl_now();
        status = get_into_directory(&self);
        options_drop(&self.options);
    }
    curl_global_cleanup();
    return status;
}
