#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Plays the tour of all modules (qemu/tour/run) in the guest.
#
# Usage: scripts/demo.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

guest=$("$top/scripts/prepare.sh")
export PATH="$cache/toolchain/bin:$PATH"
exec "$top/qemu/boot.sh" "$guest" "$top/qemu/tour/run" "$top"/qemu/tour/*
