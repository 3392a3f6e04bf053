/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "buffer.h"

/* What procfs_rw_rs and sleep_rs keep, for reading: "Last input:" and the bytes. */

#define MAX_LEN 79
#define HEAD "Last input:"
#define HEAD_LEN (sizeof(HEAD) - 1)

struct message {
	char text[HEAD_LEN + MAX_LEN];
	size_t length;	/* of the text */
};

/* Held while the message is copied, never while user memory is touched. */
static DEFINE_MUTEX(message_lock);
static struct message message = { .text = HEAD, .length = HEAD_LEN };

static ssize_t message_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct message copy;

	scoped_guard(mutex, &message_lock)
		copy = message;
	return read_from_buffer(iocb, to, copy.text, copy.length);
}

static ssize_t message_write(struct file *file, const char __user *from, size_t count,
			     loff_t *pos)
{
	char bytes[MAX_LEN];

	count = min_t(size_t, count, MAX_LEN);
	if (copy_from_user(bytes, from, count))
		return -EFAULT;
	guard(mutex)(&message_lock);
	memcpy(message.text + HEAD_LEN, bytes, count);
	message.length = HEAD_LEN + count;
	return count;
}

/* The mode of a file says not enough: chmod changes it. */
static inline int only_root_writes(struct file *file)
{
	if ((file->f_flags & O_ACCMODE) == O_RDONLY ||
	    uid_eq(file->f_cred->euid, GLOBAL_ROOT_UID))
		return 0;
	return -EACCES;
}

#endif
