/*
 * Three tasks at once, of which one fails: what becomes of the others, by default and with
 * WHORL_COLLECT.
 */
#include <errno.h>
#include <string.h>
#include <whorl.h>

#include "story.h"

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

static void tell_answers(const intptr_t *answers)
{
    for (int i = 0; i < QUESTIONS; i++)
        if (answers[i] < 0)
            say_plainly("  %-17s %s", questions[i].text, strerror((int)-answers[i]));
        else
            say_plainly("  %-17s %d", questions[i].text, (int)answers[i]);
}

/* Each question is a task. The answers come in the order of the calls, whichever came first. */
static void ask_all(const char *title, unsigned flags)
{
    whorl_call calls[QUESTIONS];
    intptr_t answers[QUESTIONS];
    for (int i = 0; i < QUESTIONS; i++) {
        calls[i] = (whorl_call){ask, &questions[i]};
        answers[i] = -ECANCELED; /* stays, if no task could be started */
    }
    say_plainly("%s:", title);
    story_begin();
    int gathered = whorl_gather_calls(calls, QUESTIONS, answers, flags);
    say_plainly("after %.1f s: %s", story_seconds(),
                gathered < 0 ? strerror(-gathered) : "all have ended");
    tell_answers(answers);
}

static intptr_t ask_twice(void *arg)
{
    (void)arg;
    ask_all("By default, the first error cancels the others", 0);
    ask_all("With WHORL_COLLECT, an error is an answer like another", WHORL_COLLECT);
    return 0;
}

int main(int argc, char **argv)
{
    struct story story = {
        .name = "gather_errors",
        .about = "Gathers three answers, one of them an error. "
                 "With --virtual nobody waits: time jumps.\n",
        .main = ask_twice,
    };
    return story_main(&story, argc, argv);
}
