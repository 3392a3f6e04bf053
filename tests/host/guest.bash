# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests that boot the guest LKMPG_GUEST. To be loaded.

# boot(commands, [file...]) - runs shell commands in the guest
boot() {
	printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/job"
	run qemu/boot.sh "$LKMPG_GUEST" "$BATS_TEST_TMPDIR/job" "${@:2}"
}
