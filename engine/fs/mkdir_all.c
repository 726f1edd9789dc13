/* A directory and those that lead to it: whorl_mkdir_all. */
#include <fs/on_thread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <whorl/path.h>

#define PARENT_MODE 0777

struct all {
    const char *path;
    mode_t mode;
};

/* The end of the name before the one that ends at `end`; 0: there is none. */
static size_t end_before(const char *path, size_t end)
{
    while (end > 0 && path[end - 1] != '/')
        end--;
    while (end > 0 && path[end - 1] == '/')
        end--;
    return end;
}

/* The end of the name after the one that ends at `end`. */
static size_t end_after(const char *path, size_t end)
{
    while (path[end] == '/')
        end++;
    while (path[end] && path[end] != '/')
        end++;
    return end;
}

static int make_up_to(char *path, size_t end, mode_t mode)
{
    char behind = path[end];
    path[end] = '\0';
    int result = (int)result_of(mkdir(path, mode));
    path[end] = behind;
    return result;
}

/* Tries the whole path first, as most often its parents are there; then back to the first of them
 * that is, or can be made; then forth. On the way forth a name that is missing is no more sought
 * for: who has removed it, or linked it to nowhere, would be run after for ever. */
static int make_path(char *path, size_t len, mode_t mode)
{
    size_t end = len, before;
    int result;
    while ((result = make_up_to(path, end, end == len ? mode : PARENT_MODE)) == -ENOENT &&
           (before = end_before(path, end)) > 0)
        end = before;
    while ((result == 0 || result == -EEXIST) && end < len) {
        end = end_after(path, end);
        result = make_up_to(path, end, end == len ? mode : PARENT_MODE);
    }
    return result;
}

static intptr_t all_run(void *arg)
{
    const struct all *all = arg;
    size_t len = strlen(all->path);
    while (len > 1 && all->path[len - 1] == '/')
        len--;
    char *path = strndup(all->path, len);
    if (!path)
        return -ENOMEM;
    int result = make_path(path, len, all->mode);
    struct stat status;
    if (result == -EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        result = 0;
    free(path);
    return result;
}

int whorl_mkdir_all(const char *path, mode_t mode)
{
    struct all all = {.path = path, .mode = mode};
    return path ? (int)whorl_to_thread(all_run, &all) : -EFAULT;
}
