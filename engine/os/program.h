/*
 * The program that a child is to run: looked for and started as posix_spawnp(3) does, but on behalf
 * of another thread, whose environment may change meanwhile. getenv(3) and whatever else reads
 * `environ` may run on no thread but that one; so it is copied there first.
 */
#ifndef OS_PROGRAM_H
#define OS_PROGRAM_H

#include <spawn.h>
#include <sys/types.h>

/* A copy of the environment as it is now, ended by NULL, in one block of malloc's. NULL: no memory.
 * From: the thread that may change it. */
char **program_copy_environment(void);

/* A variable's value in an environment; NULL: it is not there. */
const char *program_variable(char *const *environment, const char *name);

/* Starts argv[0]; a name without a slash is looked for in `path` (NULL: the system's default).
 * Returns 0, or an errno that is positive, as posix_spawnp. From: any thread. */
int program_start(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);

#endif
