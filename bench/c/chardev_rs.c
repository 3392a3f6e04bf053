// SPDX-License-Identifier: GPL-2.0
/* The twin of chardev_rs.rs: /dev/chardev_rs tells how often it was opened. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "buffer.h"
#include "device.h"

struct session {
	int length;
	char message[80];
};

static atomic_t is_open = ATOMIC_INIT(0);
static atomic64_t count = ATOMIC64_INIT(0);

static int chardev_open(struct inode *inode, struct file *file)
{
	struct session *session;

	pr_info("Device: %u.%u\n", imajor(inode), iminor(inode));
	if (atomic_xchg_acquire(&is_open, 1))
		return -EBUSY;
	session = kmalloc(sizeof(*session), GFP_KERNEL);
	if (!session) {
		atomic_set_release(&is_open, 0);
		return -ENOMEM;
	}
	session->length = scnprintf(session->message, sizeof(session->message),
				    "If I told you once, I told you %lld times Hello, world\n",
				    atomic64_fetch_inc_relaxed(&count));
	file->private_data = session;
	return 0;
}

static int chardev_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	atomic_set_release(&is_open, 0);
	return 0;
}

static ssize_t chardev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct session *session = iocb->ki_filp->private_data;

#ifdef BENCH_EXTRA
	BENCH_EXTRA;
#endif
	return read_from_buffer(iocb, to, session->message, session->length);
}

static loff_t chardev_llseek(struct file *file, loff_t offset, int whence)
{
	struct session *session = file->private_data;

	return fixed_size_llseek(file, offset, whence, session->length);
}

static const struct file_operations fops = {
	.owner		= THIS_MODULE,
	.open		= chardev_open,
	.release	= chardev_release,
	.read_iter	= chardev_read_iter,
	.llseek		= chardev_llseek,
};

static char *chardev_devnode(const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0444;
	return NULL;
}

static struct chardev chardev = {
	.name		= "chardev_rs",
	.fops		= &fops,
	.devnode	= chardev_devnode,
};

static int __init chardev_init(void)
{
	int ret = chardev_add(&chardev);

	if (!ret)
		pr_info("The major device number is %u.\n", chardev.major);
	return ret;
}

static void __exit chardev_exit(void)
{
	chardev_remove(&chardev);
}

module_init(chardev_init);
module_exit(chardev_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("A character device that counts how often it is opened");
MODULE_LICENSE("GPL");
