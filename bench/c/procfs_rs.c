// SPDX-License-Identifier: GPL-2.0
/* The twin of procfs_rs.rs: /proc/test counts its readers. */

#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "pin.h"

static atomic64_t readers = ATOMIC64_INIT(0);

/* One open file. */
struct reader {
	u64 number;	/* 0: it has not been read yet */
};

static const char *ordinal_suffix(u64 n)
{
	if (n % 100 >= 11 && n % 100 <= 13)
		return "th";
	switch (n % 10) {
	case 1:
		return "st";
	case 2:
		return "nd";
	case 3:
		return "rd";
	default:
		return "th";
	}
}

static void *test_start(struct seq_file *seq, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *test_next(struct seq_file *seq, void *token, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void test_stop(struct seq_file *seq, void *token)
{
}

/* With the lock of the file held. */
static int test_show(struct seq_file *seq, void *token)
{
	struct reader *reader = seq->private;

	if (!reader->number)
		reader->number = atomic64_inc_return_relaxed(&readers);
	seq_printf(seq, "For the %llu%s time, go away!\n", reader->number,
		   ordinal_suffix(reader->number));
	return 0;
}

static const struct seq_operations seq_ops = {
	.start	= test_start,
	.next	= test_next,
	.stop	= test_stop,
	.show	= test_show,
};

static int test_open(struct inode *inode, struct file *file)
{
	return pinned(seq_open_private(file, &seq_ops, sizeof(struct reader)));
}

static int test_release(struct inode *inode, struct file *file)
{
	seq_release_private(inode, file);
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops proc_ops = {
	.proc_open	= test_open,
	.proc_release	= test_release,
	.proc_read_iter	= seq_read_iter,
	.proc_lseek	= seq_lseek,
};

static struct proc_dir_entry *entry;

static int __init procfs_init(void)
{
	entry = proc_create("test", 0444, NULL, &proc_ops);
	return entry ? 0 : -ENOMEM;
}

static void __exit procfs_exit(void)
{
	proc_remove(entry);
}

module_init(procfs_init);
module_exit(procfs_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Counts the readers of /proc/test");
MODULE_LICENSE("GPL");
