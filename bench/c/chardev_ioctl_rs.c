// SPDX-License-Identifier: GPL-2.0
/* The twin of chardev_ioctl_rs.rs: /dev/char_dev keeps a message. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/compat.h>
#include <linux/ioctl.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "device.h"

#define MAJOR_NUM 100
#define BUF_LEN 80

#define IOCTL_SET_MSG		_IOR(MAJOR_NUM, 0, char *)
#define IOCTL_SET_MSG_WRITE	_IOW(MAJOR_NUM, 0, char *)
#define IOCTL_GET_MSG		_IOR(MAJOR_NUM, 1, char *)
#define IOCTL_GET_NTH_BYTE	_IOWR(MAJOR_NUM, 2, int)

struct message {
	char bytes[BUF_LEN + 1];	/* with a NUL behind the last */
	size_t length;
};

static atomic_t is_open = ATOMIC_INIT(0);
/* Held while the message is copied or looked at, never while user memory is touched. */
static DEFINE_MUTEX(lock);
static struct message message;

static void copy_message(struct message *copy)
{
	guard(mutex)(&lock);
	*copy = message;
}

static void set_message(const struct message *new)
{
	guard(mutex)(&lock);
	message = *new;
}

static int char_dev_open(struct inode *inode, struct file *file)
{
	return atomic_xchg_acquire(&is_open, 1) ? -EBUSY : 0;
}

static int char_dev_release(struct inode *inode, struct file *file)
{
	atomic_set_release(&is_open, 0);
	return 0;
}

static ssize_t char_dev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct message copy;

	copy_message(&copy);
	return read_from_buffer(iocb, to, copy.bytes, copy.length);
}

static ssize_t char_dev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct message new = {
		.length = min_t(size_t, iov_iter_count(from), BUF_LEN),
	};

	if (copy_from_iter(new.bytes, new.length, from) < new.length)
		return -EFAULT;
	set_message(&new);
	iocb->ki_pos = 0;
	return new.length;
}

static loff_t char_dev_llseek(struct file *file, loff_t offset, int whence)
{
	struct message copy;

	copy_message(&copy);
	return fixed_size_llseek(file, offset, whence, copy.length);
}

static long char_dev_set(struct file *file, const char __user *text)
{
	struct message new = {};
	long length = strncpy_from_user(new.bytes, text, BUF_LEN);

	if (length < 0)
		return length;
	new.length = length;
	set_message(&new);
	fixed_size_llseek(file, 0, SEEK_SET, 0);
	return 0;
}

static long char_dev_get(char __user *text)
{
	struct message copy;

	copy_message(&copy);
	return copy_to_user(text, copy.bytes, copy.length + 1) ? -EFAULT : 0;
}

static long char_dev_nth_byte(unsigned long n)
{
	guard(mutex)(&lock);
	return n <= message.length ? (unsigned char)message.bytes[n] : -EINVAL;
}

static long char_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case IOCTL_SET_MSG:
	case IOCTL_SET_MSG_WRITE:
		return char_dev_set(file, (const char __user *)arg);
	case IOCTL_GET_MSG:
		return char_dev_get((char __user *)arg);
	case IOCTL_GET_NTH_BYTE:
		return char_dev_nth_byte(arg);
	default:
		return -ENOTTY;
	}
}

#ifdef CONFIG_COMPAT
#define COMPAT_IOCTL_SET_MSG		_IOR(MAJOR_NUM, 0, compat_uptr_t)
#define COMPAT_IOCTL_SET_MSG_WRITE	_IOW(MAJOR_NUM, 0, compat_uptr_t)
#define COMPAT_IOCTL_GET_MSG		_IOR(MAJOR_NUM, 1, compat_uptr_t)

static long char_dev_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case COMPAT_IOCTL_SET_MSG:
		cmd = IOCTL_SET_MSG;
		break;
	case COMPAT_IOCTL_SET_MSG_WRITE:
		cmd = IOCTL_SET_MSG_WRITE;
		break;
	case COMPAT_IOCTL_GET_MSG:
		cmd = IOCTL_GET_MSG;
		break;
	}
	return char_dev_ioctl(file, cmd, arg);
}
#endif

static const struct file_operations fops = {
	.owner		= THIS_MODULE,
	.open		= char_dev_open,
	.release	= char_dev_release,
	.read_iter	= char_dev_read_iter,
	.write_iter	= char_dev_write_iter,
	.llseek		= char_dev_llseek,
	.unlocked_ioctl	= char_dev_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= char_dev_compat_ioctl,
#endif
};

static char *char_dev_devnode(const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return NULL;
}

static struct chardev chardev = {
	.name		= "char_dev",
	.fops		= &fops,
	.devnode	= char_dev_devnode,
	.major		= MAJOR_NUM,
};

static int __init char_dev_init(void)
{
	return chardev_add(&chardev);
}

static void __exit char_dev_exit(void)
{
	chardev_remove(&chardev);
}

module_init(char_dev_init);
module_exit(char_dev_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("A character device with ioctl commands");
MODULE_LICENSE("GPL");
MODULE_ALIAS_CHARDEV_MAJOR(MAJOR_NUM);
