// SPDX-License-Identifier: GPL-2.0
/* The twin of procfs_seq_rs.rs: /proc/iter keeps words, and has one in each line. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "param.h"
#include "pin.h"

#define MAX_TEXT	(256 << 10)
#define MAX_WRITE	4096

PARAM_OPS(uint);

static unsigned int uid;
module_param_cb(uid, &uint_ops, &uid, 0);
MODULE_PARM_DESC(uid, "The user who owns the file");

/* Words, each with a newline behind it, and where each of them ends. */
static DEFINE_MUTEX(lock);
static char *text;
static size_t *ends;
static size_t length, text_room, count, ends_room;

/* As Rust's is_ascii_whitespace(); isspace() takes '\v' and 0xa0 as well. */
static bool is_space(unsigned char c)
{
	return c == ' ' || (c != '\v' && c >= '\t' && c <= '\r');
}

static int reserve(void **array, size_t *room, size_t wanted, size_t size)
{
	size_t new = max(wanted, 2 * *room);
	void *grown;

	if (wanted <= *room)
		return 0;
	grown = kvrealloc(*array, array_size(new, size), GFP_KERNEL);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = new;
	return 0;
}

static int add(const char *input, size_t n)
{
	size_t bytes = 0, words = 0, i;

	for (i = 0; i < n; i++) {
		if (is_space(input[i]))
			continue;
		if (input[i] <= ' ' || input[i] > '~')
			return -EINVAL;
		bytes++;
		if (!i || is_space(input[i - 1])) {
			bytes++;
			words++;
		}
	}
	guard(mutex)(&lock);
	if (length + bytes > MAX_TEXT)
		return -ENOSPC;
	if (reserve((void **)&text, &text_room, length + bytes, 1) ||
	    reserve((void **)&ends, &ends_room, count + words, sizeof(*ends)))
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (is_space(input[i]))
			continue;
		text[length++] = input[i];
		if (i + 1 == n || is_space(input[i + 1])) {
			text[length++] = '\n';
			ends[count++] = length;
		}
	}
	return 0;
}

static ssize_t iter_write(struct file *file, const char __user *from, size_t n, loff_t *pos)
{
	size_t taken = min_t(size_t, n, MAX_WRITE);
	char *input __free(kfree) = kmalloc(taken, GFP_KERNEL);
	int ret;

	if (!input)
		return -ENOMEM;
	if (copy_from_user(input, from, taken))
		return -EFAULT;
	/* The last word may go on, and is left to the next write. */
	if (n > MAX_WRITE)
		while (taken && !is_space(input[taken - 1]))
			taken--;
	if (n && !taken)
		return -EINVAL;
	ret = add(input, taken);
	return ret ?: taken;
}

static void *iter_start(struct seq_file *seq, loff_t *pos)
{
	guard(mutex)(&lock);
	return *pos < count ? (void *)(uintptr_t)(*pos + 1) : NULL;
}

static void *iter_next(struct seq_file *seq, void *record, loff_t *pos)
{
	++*pos;
	return iter_start(seq, pos);
}

static void iter_stop(struct seq_file *seq, void *record)
{
}

static int iter_show(struct seq_file *seq, void *record)
{
	size_t number = (uintptr_t)record - 1, start;

	guard(mutex)(&lock);
	start = number ? ends[number - 1] : 0;
	seq_write(seq, text + start, ends[number] - start);
	return 0;
}

static const struct seq_operations seq_ops = {
	.start	= iter_start,
	.next	= iter_next,
	.stop	= iter_stop,
	.show	= iter_show,
};

static int iter_open(struct inode *inode, struct file *file)
{
	return pinned(seq_open(file, &seq_ops));
}

static int iter_release(struct inode *inode, struct file *file)
{
	seq_release(inode, file);
	module_put(THIS_MODULE);
	return 0;
}

static const struct proc_ops proc_ops = {
	.proc_open	= iter_open,
	.proc_release	= iter_release,
	.proc_read_iter	= seq_read_iter,
	.proc_write	= iter_write,
	.proc_lseek	= seq_lseek,
};

static struct proc_dir_entry *entry;

static int __init procfs_seq_init(void)
{
	kuid_t owner = make_kuid(&init_user_ns, uid);

	if (!uid_valid(owner))
		return -EINVAL;
	entry = proc_create("iter", 0644, NULL, &proc_ops);
	if (!entry) {
		pr_err("cannot create /proc/iter: %d\n", -ENOMEM);
		return -ENOMEM;
	}
	proc_set_user(entry, owner, GLOBAL_ROOT_GID);
	proc_set_size(entry, MAX_TEXT);
	return 0;
}

static void __exit procfs_seq_exit(void)
{
	proc_remove(entry);
	kvfree(text);
	kvfree(ends);
}

module_init(procfs_seq_init);
module_exit(procfs_seq_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Keeps the words that are written to /proc/iter");
MODULE_LICENSE("GPL");
