/* Temporary files and directories, made on a thread. */
#include <fcntl.h>
#include <fs/on_thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <whorl/path.h>

struct template_call {
    char *template;
    int suffix_len;
    int flags;
};

static intptr_t mkdtemp_run(void *arg)
{
    const struct template_call *call = arg;
    return mkdtemp(call->template) ? 0 : -errno;
}

int whorl_mkdtemp(char *template)
{
    struct template_call call = {.template = template};
    return template ? (int)whorl_to_thread(mkdtemp_run, &call) : -EINVAL;
}

static intptr_t mkostemps_run(void *arg)
{
    const struct template_call *call = arg;
    return result_of(mkostemps(call->template, call->suffix_len, call->flags));
}

int whorl_mkostemps(char *template, int suffix_len, int flags)
{
    struct template_call call = {.template = template, .suffix_len = suffix_len, .flags = flags};
    return template ? (int)whorl_to_thread(mkostemps_run, &call) : -EINVAL;
}

int whorl_mkostemp(char *template, int flags)
{
    return whorl_mkostemps(template, 0, flags);
}

int whorl_mkstemp(char *template)
{
    return whorl_mkostemps(template, 0, 0);
}

/* --- Files without a name --- */

/* Where the file system cannot make one without a name, one whose name is taken away. */
static int make_and_unlink(const char *directory)
{
    static const char pattern[] = "/whorl-XXXXXX";
    size_t len = strlen(directory);
    char *path = malloc(len + sizeof pattern);
    if (!path)
        return -ENOMEM;
    memcpy(path, directory, len);
    memcpy(path + len, pattern, sizeof pattern);
    int fd = mkostemp(path, O_CLOEXEC);
    int result = fd < 0 ? -errno : fd;
    if (fd >= 0)
        unlink(path);
    free(path);
    return result;
}

static intptr_t tmpfile_run(void *arg)
{
    const char *directory = arg;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EOPNOTSUPP)
        return make_and_unlink(directory);
    return result_of(fd);
}

/* The environment may change while the thread is at work; so that gets a copy. */
int whorl_tmpfile(const char *directory)
{
    if (!directory)
        directory = secure_getenv("TMPDIR");
    char *copy = strdup(directory && *directory ? directory : P_tmpdir);
    if (!copy)
        return -ENOMEM;
    int result = (int)whorl_to_thread(tmpfile_run, copy);
    free(copy);
    return result;
}
