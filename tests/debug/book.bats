# shellcheck shell=bats disable=SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The sessions of the book in which the debug guest finds something.

@test "each session of the debug guest is what it prints" {
	cd "$BATS_TEST_DIRNAME/../.."
	DEBUG=1 scripts/book-sessions.py --check
}
