/* Holding a loop, and posting calls to it, from any thread. */
#include <errno.h>
#include <os/post.h>
#include <stdlib.h>

struct post {
    struct inbox_node node; /* first: the node is the post */
    whorl_fn *fn;
    void *arg;
} __attribute__((may_alias));

_Static_assert(sizeof(struct post) <= sizeof(whorl_posted), "a post fits its public struct");

whorl_loop *whorl_loop_hold(void)
{
    struct loop *loop = loop_here;
    int error;
    struct inbox *inbox = loop ? inbox_of(loop, &error) : NULL;
    if (inbox)
        inbox_hold(inbox);
    return (whorl_loop *)inbox;
}

int whorl_loop_drop(whorl_loop *handle)
{
    if (!handle)
        return -EINVAL;
    inbox_drop(inbox_of_handle(handle));
    return 0;
}

struct task *post_make_task(struct loop *loop, whorl_fn *fn, void *arg)
{
    if (loop->inbox->kept)
        return NULL;
    struct task *task = task_make(loop, loop->stack_class, NULL, fn, arg);
    if (task)
        task_take_handle(task);
    return task;
}

static bool take(struct loop *loop, struct inbox_node *node)
{
    const struct post *post = (struct post *)node;
    struct task *task = post_make_task(loop, post->fn, post->arg);
    if (!task)
        return false;
    task->runs_anyway = true;
    ready_add(loop, task);
    return true;
}

static bool take_and_give_back(struct loop *loop, struct inbox_node *node)
{
    if (!take(loop, node))
        return false;
    inbox_give_spare(loop->inbox, node);
    return true;
}

int whorl_post(whorl_loop *handle, whorl_fn *fn, void *arg)
{
    if (!handle || !fn)
        return -EINVAL;
    struct inbox *inbox = inbox_of_handle(handle);
    struct post *post = (struct post *)inbox_take_spare(inbox);
    if (!post)
        post = malloc(sizeof *post);
    if (!post)
        return -ENOMEM;
    *post = (struct post){.node.take = take_and_give_back, .fn = fn, .arg = arg};
    if (inbox_put(inbox, &post->node))
        return 0;
    free(post);
    return -ESHUTDOWN;
}

int whorl_post_with(whorl_loop *handle, whorl_posted *posted, whorl_fn *fn, void *arg)
{
    if (!handle || !posted || !fn)
        return -EINVAL;
    struct post *post = (struct post *)posted;
    *post = (struct post){.node.take = take, .fn = fn, .arg = arg};
    return inbox_put(inbox_of_handle(handle), &post->node) ? 0 : -ESHUTDOWN;
}
