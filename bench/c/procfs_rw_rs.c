// SPDX-License-Identifier: GPL-2.0
/* The twin of procfs_rw_rs.rs: root writes /proc/rw_test, everybody reads it. */

#include <linux/module.h>
#include <linux/proc_fs.h>

#include "message.h"
#include "pin.h"

static int rw_test_open(struct inode *inode, struct file *file)
{
	return pinned(only_root_writes(file));
}

static int rw_test_release(struct inode *inode, struct file *file)
{
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops proc_ops = {
	.proc_open	= rw_test_open,
	.proc_release	= rw_test_release,
	.proc_read_iter	= message_read_iter,
	.proc_write	= message_write,
	.proc_lseek	= default_llseek,
};

static struct proc_dir_entry *entry;

static int __init procfs_rw_init(void)
{
	entry = proc_create("rw_test", 0644, NULL, &proc_ops);
	return entry ? 0 : -ENOMEM;
}

static void __exit procfs_rw_exit(void)
{
	proc_remove(entry);
}

module_init(procfs_rw_init);
module_exit(procfs_rw_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Keeps what root writes to /proc/rw_test for everybody to read");
MODULE_LICENSE("GPL");
