/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <linux/module.h>

/*
 * Runs the body of a proc_open with a count of the module taken, which stays taken if
 * that succeeds: struct proc_ops has no owner.
 */
#define pinned(body) ({					\
	int ret = -ENOENT;				\
							\
	if (try_module_get(THIS_MODULE)) {		\
		ret = (body);				\
		if (ret)				\
			module_put(THIS_MODULE);	\
	}						\
	ret;						\
})

#endif
