/*
 * The smallest program: a main task that says a word, sleeps for a second, and says another.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

/* At once, however stdout is buffered. 0, or -errno. */
static int say(const char *what)
{
    return puts(what) < 0 || fflush(stdout) != 0 ? -errno : 0;
}

static intptr_t hello(void *arg)
{
    (void)arg;
    int said = say("Hello ...");
    if (said < 0)
        return said;
    int slept = whorl_sleep(WHORL_SECONDS(1));
    if (slept < 0)
        return slept;
    return say("... world!");
}

int main(void)
{
    intptr_t result = whorl_run(hello, NULL);
    if (result < 0) {
        fprintf(stderr, "hello: %s\n", strerror((int)-result));
        return 1;
    }
    return 0;
}
