#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Plays the tour of all modules (qemu/tour/run) in the guest, or one module's part of it.
#
# Usage: [ONLY=sleep_rs] scripts/demo.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# part(file) - prints of a file of the tour what is on modules: on ONLY, or on all that the
# kernel has the options for; and the functions
part() {
	awk -v only="[ \"]${ONLY:-[a-z_]+_rs}[:. ]" -v absent="^say \"($(IFS='|' && echo "${absent[*]}")):" '
		/^[a-z_]+\(\) {$/ { function_ = 1 }
		/^say "[a-z_]+_rs: / { wanted = $0 ~ only && $0 !~ absent }
		function_ || wanted
		/^}$/ { function_ = 0 }' "$1"
}

[ -z "${ONLY:-}" ] || [ -e "$top/$ONLY.rs" ] ||
	die "ONLY=$ONLY is no module; take one of: $(cd "$top" && echo *_rs.rs | sed 's/\.rs//g')"
guest=$("$top/scripts/prepare.sh")
absent=()
while read -r option module; do
	[ "${ONLY:-}" != "$module" ] || die "ONLY=$ONLY: this kernel has no CONFIG_$option"
	echo "  left out: $module, for this kernel has no CONFIG_$option" >&2
	absent+=("$module")
	# The tour shows the lights of a keyboard of vinput_rs.
	[ "$module" != vinput_rs ] || absent+=(kbleds_rs)
done < <(absent "$guest/boot/config")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in "$top"/qemu/tour/*; do
	part "$file" >"$work/$(basename "$file")"
done
cp "$top/qemu/tour/run" "$work"
export PATH="$cache/toolchain/bin:$PATH"
"$top/qemu/boot.sh" "$guest" "$top/qemu/tour/run" "$work"/*
first=${ONLY:-hello_rs}.rs
printf '\nWhat to try next:\n'
printf '  %-13s %s\n' "$first" 'the module to read; change it, and:' \
	'make shell' 'a prompt in the guest, with the modules in its home folder' \
	"make demo" "the tour again; ONLY=${ONLY:-sleep_rs} plays one module's part" \
	'make test' 'all tests'
