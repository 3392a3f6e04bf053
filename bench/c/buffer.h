/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_BUFFER_H
#define BENCH_BUFFER_H

#include <linux/fs.h>
#include <linux/uio.h>

/*
 * simple_read_from_buffer() for a read_iter: that of the kernel takes a pointer to
 * user memory.
 */
static inline ssize_t read_from_buffer(struct kiocb *iocb, struct iov_iter *to,
				       const void *from, size_t available)
{
	loff_t pos = iocb->ki_pos;
	size_t copied;

	if (pos < 0)
		return -EINVAL;
	if (pos >= available || !iov_iter_count(to))
		return 0;
	copied = copy_to_iter(from + pos, available - pos, to);
	if (!copied)
		return -EFAULT;
	iocb->ki_pos = pos + copied;
	return copied;
}

#endif
