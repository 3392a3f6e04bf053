#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Prints the first line of a kernel log on standard input with which the kernel
# complains of itself; fails when there is none. The words are those that the
# kernel prints at the head of such a report.

exec grep -a -m 1 -E \
	-e 'BUG: |kernel BUG at |Kernel BUG|CFI failure at ' \
	-e 'WARNING: ' \
	-e 'Oops: |Oops\[#|general protection fault|unable to handle' \
	-e 'Kernel panic' \
	-e 'INFO: (task .* blocked for more than|rcu.* (self-)?detected stall|lockdep is turned off|trying to register non-static key)' \
	-e '(circular|possible|inconsistent|recursive) .*(locking dependency|lock state|locking) detected' \
	-e 'possible (irq lock inversion|recursive locking)|suspicious RCU usage' \
	-e 'UBSAN: |KASAN: |KCSAN: |kmemleak: [0-9]+ new' \
	-e 'ODEBUG: |list_(add|del) corruption' \
	-e 'refcount_t: |soft lockup|hard LOCKUP|scheduling while atomic'
