#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs kbuild on the modules, in place, against the kernel tree in use, after
# the doctor has looked at it. They are installed from the tree that they were built
# against, wherever that is, and nothing else is done: it is root who does it.
#
# Usage: [KDIR=...] scripts/modules.sh [TARGET...]     modules, modules_install, ...

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

built_against=$top/build/kdir
if [ "${1:-}" = modules_install ]; then
	kdir=$(cat "$built_against" 2>/dev/null) ||
		die "nothing is built here: run 'make' first, as the user that you are"
	to=${INSTALL_MOD_PATH:-}
	if [[ $to =~ $strange ]]; then
		stage=$(mktemp -d)
		trap 'rm -rf "$stage"' EXIT
	fi
	[ -z "$to" ] || set -- "$@" INSTALL_MOD_PATH="${stage:-$to}"
	use_tools "$kdir"
	# A distribution keeps the key that its tree signs with.
	key=$(tree_config "$kdir" MODULE_SIG_KEY)
	[[ -z $key || $key == pkcs11:* || -e $kdir/$key || -e $key ]] || set -- "$@" CONFIG_MODULE_SIG_ALL=
	# kbuild runs depmod where the tree has a System.map.
	[ -r "$kdir/System.map" ] || { set -- "$@" cmd_depmod=: && depmod=1; }
else
	kdir=$("$top/scripts/kernel.sh")
	use_tools "$kdir"
	"$top/scripts/doctor.sh" "$kdir" || exit 1
fi
lock "$top/.lock"
kbuild "$kdir" "" "$@"
[ -z "${depmod:-}" ] || depmod -b "${stage:-${to:-/}}" "$(cat "$kdir/include/config/kernel.release")"
[ -z "${stage:-}" ] || { mkdir -p "$to/lib/modules" && cp -r "$stage/lib/modules/." "$to/lib/modules"; }
[ "${1:-}" = modules ] || exit 0
mkdir -p "$top/build"
echo "$kdir" >"$built_against"
while read -r option module; do
	echo "  left out: $module, for this kernel has no CONFIG_$option" >&2
	# Of another kernel.
	rm -f "$top/$module.ko"
done < <(absent "$kdir/include/config/auto.conf")
