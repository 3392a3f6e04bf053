#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A shell in the guest, with the modules and programs in its home folder; `exit`
# or Ctrl-A X ends it.
#
# Usage: scripts/shell.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

guest=$("$top/scripts/prepare.sh")
exec "$top/qemu/boot.sh" "$guest"
