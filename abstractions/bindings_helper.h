/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers of the C facilities that abstractions/ wraps and the `bindings`
 * crate of the kernel does not have; see bindgen_parameters. Sorted.
 */

#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/i8042.h>
#include <linux/input.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/jump_label.h>
#include <linux/kbd_kern.h>
#include <linux/kprobes.h>
#include <linux/mman.h>
#include <linux/proc_fs.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/vt_kern.h>
