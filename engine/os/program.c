/* The program that a child is to run: see program.h. */
#include <errno.h>
#include <limits.h>
#include <os/program.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/bin:/usr/bin"

char **program_copy_environment(void)
{
    size_t count = 0, bytes = 0;
    for (; environ && environ[count]; count++)
        bytes += strlen(environ[count]) + 1;
    char **copy = malloc((count + 1) * sizeof *copy + bytes);
    if (!copy)
        return NULL;
    char *text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = text;
        text = stpcpy(text, environ[i]) + 1;
    }
    copy[count] = NULL;
    return copy;
}

const char *program_variable(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

/* Whether the search goes on after this, as that of execvp(3) does. */
static bool is_elsewhere(int error)
{
    return error == EACCES || error == ENOENT || error == ESTALE || error == ENOTDIR ||
           error == ENODEV || error == ETIMEDOUT;
}

/* A start that fails costs as much as one that does not: so what is not there is not tried. Where a
 * relative name leads is only known in the child. */
static bool is_worth_a_try(const char *file)
{
    return *file != '/' || access(file, F_OK) == 0;
}

/* The name in the directory that a PATH begins with; false: it is too long. */
static bool join_names(char file[PATH_MAX], const char *path, size_t len, const char *name)
{
    int written = snprintf(file, PATH_MAX, "%.*s%s%s", (int)len, path, len ? "/" : "", name);
    return written < PATH_MAX;
}

int program_start(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attributes, char *const argv[], char *const env[])
{
    const char *name = argv[0];
    if (!*name || strchr(name, '/'))
        return posix_spawn(pid, name, actions, attributes, argv, env);
    char file[PATH_MAX];
    int error = 0;
    bool denied = false;
    path = path ? path : DEFAULT_PATH;
    for (bool more = true; more;) {
        size_t len = strcspn(path, ":");
        more = path[len] == ':';
        /* The last is tried if nothing else was, to tell what else is amiss. */
        bool fits = len < PATH_MAX && join_names(file, path, len, name);
        path += len + more;
        if (fits && (is_worth_a_try(file) || (!more && !error))) {
            error = posix_spawn(pid, file, actions, attributes, argv, env);
            if (!is_elsewhere(error))
                return error;
            denied |= error == EACCES;
        }
    }
    return denied ? EACCES : error ? error : ENOENT;
}
