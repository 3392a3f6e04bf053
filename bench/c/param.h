/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_PARAM_H
#define BENCH_PARAM_H

#include <linux/moduleparam.h>

/* As the parameters of Rust modules: a number that does not fit is EINVAL, not ERANGE. */
#define PARAM_OPS(type)								\
static int set_##type(const char *value, const struct kernel_param *param)	\
{										\
	return param_set_##type(value, param) ? -EINVAL : 0;			\
}										\
static const struct kernel_param_ops type##_ops = { .set = set_##type }

#endif
