# shellcheck shell=bats disable=SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The documentation of abstractions/.

bats_require_minimum_version 1.5.0

@test "make rustdoc builds it without a warning, with links to the kernel's crates and files" {
	cd "$BATS_TEST_DIRNAME/../.."
	run -0 make -s rustdoc
	pages=$(dirname "${lines[-1]}")
	series=$(cut -d. -f1,2 "$(make -s kdir)/include/config/kernel.release")
	grep -q "href=\"https://rust.docs.kernel.org/$series/kernel/error/type.Result.html" \
		"$pages/kmod/fn.request_module.html"
	header=$(grep -o 'href="[^"]*/include/linux/kmod.h"' "$pages/kmod/index.html" | cut -d'"' -f2)
	grep -q request_module "$header"
	run ! grep -r 'href="srctree' "$pages"
}
