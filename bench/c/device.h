/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <linux/device.h>
#include <linux/fs.h>

/* A character device of 256 minor numbers, with a node for the first one. */
struct chardev {
	const char *name;
	const struct file_operations *fops;
	char *(*devnode)(const struct device *dev, umode_t *mode);
	unsigned int major;	/* 0: a free one */
	struct class *class;
};

static inline int chardev_add(struct chardev *chardev)
{
	struct device *device;
	int ret;

	chardev->class = class_create(chardev->name);
	if (IS_ERR(chardev->class))
		return PTR_ERR(chardev->class);
	chardev->class->devnode = chardev->devnode;

	ret = register_chrdev(chardev->major, chardev->name, chardev->fops);
	if (ret < 0)
		goto destroy_class;
	if (!chardev->major)
		chardev->major = ret;

	device = device_create(chardev->class, NULL, MKDEV(chardev->major, 0),
			       NULL, "%s", chardev->name);
	if (!IS_ERR(device))
		return 0;
	ret = PTR_ERR(device);
	unregister_chrdev(chardev->major, chardev->name);
destroy_class:
	class_destroy(chardev->class);
	return ret;
}

static inline void chardev_remove(struct chardev *chardev)
{
	device_destroy(chardev->class, MKDEV(chardev->major, 0));
	unregister_chrdev(chardev->major, chardev->name);
	class_destroy(chardev->class);
}

#endif
