// SPDX-License-Identifier: GPL-2.0
/* The twin of sched_rs.rs: a function on each tick of a timer, and its count. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "param.h"
#include "pin.h"

PARAM_OPS(int);

static int interval_ms = -1;
module_param_cb(interval_ms, &int_ops, &interval_ms, 0);
MODULE_PARM_DESC(interval_ms, "How long a tick is, 1 to 60000 ms; -1: as the kernel's own");

static struct hrtimer timer;
static ktime_t interval;
static atomic64_t ticks = ATOMIC64_INIT(0);
static struct proc_dir_entry *entry;

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	/* However late this is, all the ticks since the last. */
	atomic64_add(hrtimer_forward_now(timer, interval), &ticks);
	return HRTIMER_RESTART;
}

static int sched_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "Timer was called %llu times so far\n",
		   (u64)atomic64_read(&ticks));
	return 0;
}

static int sched_open(struct inode *inode, struct file *file)
{
	return pinned(single_open(file, sched_show, NULL));
}

static int sched_release(struct inode *inode, struct file *file)
{
	single_release(inode, file);
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops proc_ops = {
	.proc_open	= sched_open,
	.proc_release	= sched_release,
	.proc_read_iter	= seq_read_iter,
	.proc_lseek	= seq_lseek,
};

static int __init sched_init(void)
{
	if (interval_ms == -1) {
		interval = ns_to_ktime(NSEC_PER_SEC / HZ);
	} else if (interval_ms >= 1 && interval_ms <= 60000) {
		interval = ms_to_ktime(interval_ms);
	} else {
		pr_err("interval_ms=%d is not between 1 and 60000\n", interval_ms);
		return -EINVAL;
	}

	hrtimer_setup(&timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_start(&timer, interval, HRTIMER_MODE_REL);
	entry = proc_create("sched", 0444, NULL, &proc_ops);
	if (!entry) {
		pr_err("/proc/sched is not to be had\n");
		hrtimer_cancel(&timer);
		return -ENOMEM;
	}
	return 0;
}

static void __exit sched_exit(void)
{
	proc_remove(entry);
	hrtimer_cancel(&timer);
}

module_init(sched_init);
module_exit(sched_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Counts the ticks of a timer in /proc/sched");
MODULE_LICENSE("GPL");
