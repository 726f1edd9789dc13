/*
 * Three tasks at once, of which one fails: what becomes of the others, by default and with
 * WHORL_COLLECT.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <whorl.h>

enum { QUESTIONS = 3 };

/* The answer comes after a while, as from a server far away; it may be an error. */
struct question {
    const char *text;
    int64_t delay;
    intptr_t answer;
};

static struct question questions[QUESTIONS] = {
    {"How many sheep?", WHORL_MS(500), 12},
    {"How many wolves?", WHORL_MS(1000), -ECONNREFUSED},
    {"How many dogs?", WHORL_MS(1500), 2},
};

static intptr_t ask(void *arg)
{
    const struct question *question = arg;
    int slept = whorl_sleep(question->delay);
    return slept < 0 ? slept : question->answer;
}

static int print_answers(const intptr_t *answers)
{
    for (int i = 0; i < QUESTIONS; i++) {
        printf("  %-17s ", questions[i].text);
        if (answers[i] < 0)
            printf("%s\n", strerror((int)-answers[i]));
        else
            printf("%d\n", (int)answers[i]);
    }
    if (fflush(stdout) != 0)
        return -errno;
    return ferror(stdout) ? -EIO : 0;
}

/* Each question is a task. The answers come in the order of the calls, whichever came first. */
static int ask_all(const char *title, unsigned flags)
{
    whorl_call calls[QUESTIONS];
    intptr_t answers[QUESTIONS];
    for (int i = 0; i < QUESTIONS; i++) {
        calls[i] = (whorl_call){ask, &questions[i]};
        answers[i] = -ECANCELED; /* stays, if no task could be started */
    }
    int64_t start = whorl_now();
    int gathered = whorl_gather_calls(calls, QUESTIONS, answers, flags);
    double seconds = (double)(whorl_now() - start) / 1e9;
    printf("%s:\n", title);
    printf("after %.1f s: %s\n", seconds, gathered < 0 ? strerror(-gathered) : "all have ended");
    return print_answers(answers);
}

static intptr_t ask_twice(void *arg)
{
    (void)arg;
    int result = ask_all("By default, the first error cancels the others", 0);
    if (result == 0)
        result = ask_all("With WHORL_COLLECT, an error is an answer like another", WHORL_COLLECT);
    return result;
}

static int fail(intptr_t error)
{
    fprintf(stderr, "gather_errors: %s\n", strerror((int)-error));
    return 1;
}

static const char help[] =
    "Usage: gather_errors [--virtual]\n"
    "Gathers three answers, one of them an error. With --virtual nobody waits: time jumps.\n";

int main(int argc, char **argv)
{
    whorl_config config = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 || fflush(stdout) != 0 ? fail(-errno) : 0;
    if (argc == 2 && strcmp(argv[1], "--virtual") == 0) {
        config.clock = WHORL_CLOCK_VIRTUAL;
    } else if (argc > 1) {
        fputs("gather_errors: takes --virtual or nothing; --help tells more\n", stderr);
        return 2;
    }
    intptr_t result = whorl_run_with(&config, ask_twice, NULL);
    return result < 0 ? fail(result) : 0;
}
