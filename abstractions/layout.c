// SPDX-License-Identifier: GPL-2.0
/*
 * The structs of the kernel's own Rust bindings whose fields abstractions/ or
 * the `kernel` crate read for us. bindgen gets some layouts wrong without a
 * word (an empty struct that is aligned, for one), so each is compared with
 * what the C compiler says; never linked into anything, only compiled to
 * assembly, as kernel/bounds.c is.
 *
 * Add a line whenever Rust code comes to read or write a field.
 */
#include <linux/compiler_types.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/stddef.h>

#define EMIT(expr, what, value)						\
	asm volatile("\n.ascii \"->layout!(" expr ", " what ", %c0);\"" : : "i" (value))

#define SIZE(type)							\
	EMIT("core::mem::size_of::<" #type ">()", #type, sizeof(struct type))
#define FIELD(type, field)						\
	EMIT("core::mem::offset_of!(" #type ", " #field ")", #type,	\
	     offsetof(struct type, field))

void lkmpg_layout(void);

void lkmpg_layout(void)
{
	SIZE(kernel_param);
	FIELD(kernel_param, name);
	FIELD(kernel_param, ops);
	FIELD(kernel_param, perm);
	FIELD(kernel_param, level);

	/* `current!().pid()`, `.group_leader()` and `.mm()` of the kernel crate. */
	FIELD(task_struct, pid);
	FIELD(task_struct, group_leader);
	FIELD(task_struct, mm);
}
