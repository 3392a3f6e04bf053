// SPDX-License-Identifier: GPL-2.0
/* The twin of irq_kbd_rs.rs: the scan codes of the keyboard. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/i8042.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kfifo.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "param.h"

#define KEYBOARD_IRQ 1
#define DATA_PORT 0x60
#define STATUS_PORT 0x64
#define MAX_DELAY_MS 60000

PARAM_OPS(byte);
PARAM_OPS(uint);

static u8 ports;
module_param_cb(ports, &byte_ops, &ports, 0);
MODULE_PARM_DESC(ports, "1: read the ports again for each byte");
static u8 threaded;
module_param_cb(threaded, &byte_ops, &threaded, 0);
MODULE_PARM_DESC(threaded, "1: the bottom half is a thread instead of a work item");
static unsigned int delay_ms;
module_param_cb(delay_ms, &uint_ops, &delay_ms, 0);
MODULE_PARM_DESC(delay_ms, "How long the bottom half waits before it reads, 0 to 60000 ms");

/* From the filter, in an interrupt, to the bottom half: one writer, one reader. */
static DEFINE_KFIFO(ring, u8, 512);
static atomic_t interrupts, received, lost, skipped;
/* What `received` was at the last interrupt. */
static unsigned int seen;

/* Held while the ring is read. */
static DEFINE_MUTEX(lock);
static unsigned int code, missing, told_lost;
/* The module goes: do not wait any more. */
static bool ending;
static DECLARE_WAIT_QUEUE_HEAD(end);

/* Whether the byte is the last one of a code, which is `code` then. */
static bool feed(u8 byte)
{
	switch (byte) {
	case 0xfa:
	case 0xfe:
		/* The keyboard's answers to its driver's commands. */
		return false;
	case 0xe0:
		code = byte;
		missing = 1;
		return false;
	case 0xe1:
		code = byte;
		missing = 2;
		return false;
	}
	code = code << 8 | (byte & 0x7f);
	if (missing)
		missing--;
	return !missing;
}

static void log_scan_codes(void)
{
	unsigned int now_lost;
	u8 byte;

	guard(mutex)(&lock);
	while (kfifo_get(&ring, &byte)) {
		if (!feed(byte))
			continue;
		pr_info("Scan Code %x %s.\n", code, byte & 0x80 ? "Released" : "Pressed");
		code = 0;
	}
	now_lost = atomic_read(&lost);
	if (now_lost != told_lost)
		pr_warn("%u bytes lost: the ring was full\n", now_lost - told_lost);
	told_lost = now_lost;
}

static void bottom_half(void)
{
	if (delay_ms)
		wait_event_interruptible_timeout(end, READ_ONCE(ending),
						 msecs_to_jiffies(delay_ms));
	log_scan_codes();
}

static void work_fn(struct work_struct *work)
{
	bottom_half();
}

static DECLARE_WORK(work, work_fn);

static irqreturn_t thread_fn(int irq, void *cookie)
{
	bottom_half();
	return IRQ_HANDLED;
}

static irqreturn_t handler(int irq, void *cookie)
{
	unsigned int now = atomic_read(&received);

	atomic_inc(&interrupts);
	if (seen == now)
		return IRQ_NONE;
	seen = now;
	if (threaded)
		return IRQ_WAKE_THREAD;
	queue_work(system_percpu_wq, &work);
	return IRQ_HANDLED;
}

/* For a millisecond at most, until the controller has taken what was written. */
static bool wait_for_input(void)
{
	for (int i = 0; i < 20; i++) {
		if (!(inb(STATUS_PORT) & I8042_STR_IBF))
			return true;
		udelay(50);
	}
	return false;
}

/*
 * Reads the byte that the driver has just read again, with the keyboard disabled, so
 * that no byte comes between the look at the status and the reading.
 */
static bool last_byte(u8 *byte)
{
	bool empty;

	if (!wait_for_input())
		return false;
	outb(I8042_CMD_KBD_DISABLE & 0xff, STATUS_PORT);
	empty = wait_for_input();
	if (inb(STATUS_PORT) & I8042_STR_OBF)
		empty = false;
	if (empty)
		*byte = inb(DATA_PORT);
	wait_for_input();
	outb(I8042_CMD_KBD_ENABLE & 0xff, STATUS_PORT);
	return empty;
}

/* Called by the driver for each byte, with its lock held. */
static bool filter(unsigned char byte, unsigned char status, struct serio *serio, void *context)
{
	if (status & I8042_STR_AUXDATA)
		return false;
	if (ports && !last_byte(&byte)) {
		atomic_inc(&skipped);
		return false;
	}
	atomic_inc(&received);
	if (!kfifo_put(&ring, byte))
		atomic_inc(&lost);
	return false;
}

static void log_rest(void)
{
	log_scan_codes();
	pr_info("%u interrupts, %u bytes, %u lost, %u skipped\n",
		atomic_read(&interrupts), atomic_read(&received), atomic_read(&lost),
		atomic_read(&skipped));
}

static int __init irq_kbd_init(void)
{
	int ret;

	if (ports > 1 || threaded > 1 || delay_ms > MAX_DELAY_MS) {
		pr_err("ports and threaded are 0 or 1, delay_ms at most %u\n", MAX_DELAY_MS);
		return -EINVAL;
	}
	ret = i8042_install_filter(filter, NULL);
	if (ret) {
		pr_err("cannot install the keyboard filter: %d\n", ret);
		goto log_rest;
	}
	ret = request_threaded_irq(KEYBOARD_IRQ, handler, threaded ? thread_fn : NULL,
				   IRQF_SHARED, KBUILD_MODNAME, &ring);
	if (ret) {
		pr_err("cannot request interrupt %u: %d\n", KEYBOARD_IRQ, ret);
		i8042_remove_filter(filter);
		goto log_rest;
	}
	return 0;
log_rest:
	log_rest();
	return ret;
}

static void __exit irq_kbd_exit(void)
{
	WRITE_ONCE(ending, true);
	wake_up_all(&end);
	free_irq(KEYBOARD_IRQ, &ring);
	i8042_remove_filter(filter);
	cancel_work_sync(&work);
	log_rest();
}

module_init(irq_kbd_init);
module_exit(irq_kbd_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Logs the scan codes of the keyboard");
MODULE_LICENSE("GPL");
