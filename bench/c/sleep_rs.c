// SPDX-License-Identifier: GPL-2.0
/* The twin of sleep_rs.rs: one process at a time has /proc/sleep open, others wait. */

#include <linux/list.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "message.h"
#include "pin.h"

/* Where one process sleeps: on its stack, in the queue until it is its turn. */
struct sleeper {
	struct list_head entry;
	struct task_struct *task;
	bool turn;
};

static DEFINE_SPINLOCK(lock);
/* Somebody has the file open, or is waking up to: nobody waits while nobody has. */
static bool taken;
static LIST_HEAD(waiting);

/* Hands the turn to the first who waits, if any, and wakes it. With the lock held. */
static void hand_over(void)
{
	struct sleeper *first = list_first_entry_or_null(&waiting, struct sleeper, entry);

	if (!first) {
		taken = false;
		return;
	}
	list_del(&first->entry);
	first->turn = true;
	wake_up_process(first->task);
}

static int take_turn(bool nonblock)
{
	struct sleeper sleeper = { .task = current };

	guard(spinlock)(&lock);
	if (!taken) {
		taken = true;
		return 0;
	}
	if (nonblock)
		return -EAGAIN;

	list_add_tail(&sleeper.entry, &waiting);
	while (!sleeper.turn) {
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock(&lock);
		schedule();
		spin_lock(&lock);
		if (signal_pending(current)) {
			if (sleeper.turn)
				hand_over();
			else
				list_del(&sleeper.entry);
			return -ERESTARTSYS;
		}
	}
	return 0;
}

static int sleep_open(struct inode *inode, struct file *file)
{
	return pinned(only_root_writes(file) ?: take_turn(file->f_flags & O_NONBLOCK));
}

static int sleep_release(struct inode *inode, struct file *file)
{
	scoped_guard(spinlock, &lock)
		hand_over();
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops proc_ops = {
	.proc_open	= sleep_open,
	.proc_release	= sleep_release,
	.proc_read_iter	= message_read_iter,
	.proc_write	= message_write,
	.proc_lseek	= default_llseek,
};

static struct proc_dir_entry *entry;

static int __init sleep_init(void)
{
	entry = proc_create("sleep", 0644, NULL, &proc_ops);
	return entry ? 0 : -ENOMEM;
}

static void __exit sleep_exit(void)
{
	proc_remove(entry);
}

module_init(sleep_init);
module_exit(sleep_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Lets one process at a time open /proc/sleep, the others wait");
MODULE_LICENSE("GPL");
