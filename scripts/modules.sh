#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs kbuild on the modules, in place, against the kernel tree in use, after
# the doctor has looked at it.
#
# Usage: [KDIR=...] scripts/modules.sh [TARGET...]     modules, clean, ...

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
"$top/scripts/doctor.sh" "$kdir" || exit 1
lock "$top/.lock"
exec make -C "$kdir" LLVM=1 M="$top" --no-print-directory "$@"
