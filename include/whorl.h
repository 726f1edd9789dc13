/*
 * whorl: an asynchronous IO engine for Linux, on fibers over io_uring.
 *
 * This header is the table of contents; each chapter stands in a header of its own, in the order in
 * which a newcomer needs them. Including this one brings them all.
 *
 *   base.h       types, time, version
 *   run.h        run a program's main task; its configuration; what the kernel offers
 *   task.h       spawn, join, cancel, sleep
 *   scope.h      timeouts, shields, waiting for a task with a limit; cleanup at a task's end
 *   gather.h     several tasks at once: all their results, the first error, or the first result
 *   group.h      tasks that end together
 *   wait.h       which of several tasks have ended, and in which order; nobody is cancelled
 *   later.h      calls at a later time
 *   sync.h       mutexes, events, conditions, semaphores, barriers, read-write locks, once
 *   queue.h      items handed from task to task, in order, at once or later
 *   channel.h    elements handed from task to task
 *   future.h     a result that one task will set, and others wait for
 *   select.h     whichever of several channels, futures and tasks happens first
 *   generator.h  tasks that yield values
 *   fs.h         files by their descriptors: open, read, write, splice, allocate, sync, lock, close
 *   path.h       files by their names: status, access, modes and owners, rename, unlink, links;
 *                directories, temporary and special files made
 *   whole_file.h whole files: read, written so that nobody sees half of one, copied
 *   file.h       files with a buffer: lines and text, read ahead and written behind
 *   dir.h        the entries of directories
 *   walk.h       every entry below a directory
 *   tree.h       whole trees of directories: copied, and removed
 *   log.h        write-ahead logs: records that are durable when the append returns
 *   xattr.h      extended attributes of files
 *   net.h        sockets, by the names of POSIX
 *   resolve.h    the addresses of hosts and services
 *   address.h    addresses of sockets, as text
 *   stream.h     connections with a buffer: read and written in any sizes, lines
 *   connect.h    connections made: to a name, by the first of its addresses that answers
 *   listener.h   waiting for connections, and serving each in a task of its own
 *   process.h    child processes: started, talked to, waited for
 *   signal.h     waiting for signals
 *   thread.h     work from other threads, and work given to one
 *   local.h      values that a task passes on to those that it spawns
 *   op.h         one kernel operation as a value; batches and chains; registered files and buffers
 *   operations.h the table of all operations: opcode, kernel, fallback, calls
 *
 * Two are for those who ask for them:
 *
 *   test.h       tests that run as tasks, by cmocka
 *   trial.h      what test.h stands on, for other frameworks
 *
 * Conventions that hold for every call unless its own text says otherwise:
 *
 *   - The result is >= 0, or -errno. errno itself is never used.
 *   - A call that waits parks only the task that makes it; the thread goes on with other tasks.
 *   - Calls are made from inside a task, on the thread that runs its loop. From anywhere else they
 *     give -EPERM (a pointer result: NULL).
 *   - No call returns while the kernel may still touch memory that the caller gave it. What a
 *     pointer argument leads to is the engine's from the call to its return, and then the caller's.
 *   - -ECANCELED from a call that waits means: the calling task is cancelled (see whorl_cancel) or
 *     a timeout of it has run out (scope.h), or the operation was ended by whorl_close or by
 *     whorl_op_cancel; it had no effect. If it had one, the call gives its result and the cancel
 *     waits for the next call.
 */
#ifndef WHORL_H
#define WHORL_H

#include <whorl/base.h>
#include <whorl/run.h>
#include <whorl/task.h>
#include <whorl/scope.h>
#include <whorl/gather.h>
#include <whorl/group.h>
#include <whorl/wait.h>
#include <whorl/later.h>
#include <whorl/sync.h>
#include <whorl/queue.h>
#include <whorl/channel.h>
#include <whorl/future.h>
#include <whorl/select.h>
#include <whorl/generator.h>
#include <whorl/fs.h>
#include <whorl/path.h>
#include <whorl/whole_file.h>
#include <whorl/file.h>
#include <whorl/dir.h>
#include <whorl/walk.h>
#include <whorl/tree.h>
#include <whorl/log.h>
#include <whorl/xattr.h>
#include <whorl/net.h>
#include <whorl/resolve.h>
#include <whorl/address.h>
#include <whorl/stream.h>
#include <whorl/connect.h>
#include <whorl/listener.h>
#include <whorl/process.h>
#include <whorl/signal.h>
#include <whorl/thread.h>
#include <whorl/local.h>
#include <whorl/op.h>
#include <whorl/operations.h>

#endif
