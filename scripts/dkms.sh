#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the modules for DKMS (dkms.conf), whose log gets what is said here. Debian's headers
# lack the Rust metadata, which is built in /var/cache/lkmpg-rs for each kernel.
#
# Usage: scripts/dkms.sh RELEASE KDIR

# DKMS also runs where there is no home, as at boot.
export HOME="${HOME:-/root}" XDG_CACHE_HOME="${XDG_CACHE_HOME:-/var/cache}"
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

release=$1 kdir=$2
if [ "$(os_release ID)" = debian ] && ! compgen -G "$kdir/rust/*.rmeta" >/dev/null; then
	kdir=$(RELEASE=$release "$top/scripts/stock.sh")
fi
KDIR=$kdir "$top/scripts/modules.sh" modules
