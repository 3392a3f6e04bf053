# SPDX-License-Identifier: GPL-2.0
#
# For people; kbuild reads Kbuild. The kernel tree is KDIR=, or one of SERIES=
# (7.3 or 7.2) that is built on first use.

SERIES ?= 7.3
export SERIES KDIR KERNEL_SRC ACCEL SMP

.PHONY: modules modules_install clean demo test shell check doctor
.PHONY: rust-analyzer kdir kernel-image help

modules:
	@scripts/modules.sh modules

modules_install clean:
	@scripts/modules.sh $@

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

shell:
	@scripts/shell.sh

check:
	@scripts/check.sh

doctor:
	@scripts/kernel.sh >/dev/null && echo "Nothing wrong."

rust-analyzer:
	@scripts/rust-analyzer.sh

kdir:
	@scripts/kernel.sh

kernel-image:
	@echo "$$(scripts/kernel.sh)/arch/x86/boot/bzImage"

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))
