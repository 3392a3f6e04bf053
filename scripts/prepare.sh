#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes a guest ready: tool chain, kernel, modules, programs, initramfs; whatever is
# there already is left alone. Prints the guest's folder.
#
# Usage: [IMPL=c|both] scripts/prepare.sh
# IMPL=c takes the C twins of bench/c instead of their Rust modules, IMPL=both puts
# them beside those, into /root/c, and what `make bench` loads into /root/fixtures.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

"$top/scripts/toolchain.sh" >/dev/null
kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
image=$("$top/scripts/kernel-image.sh" "$kdir")

case ${IMPL:=rust} in
rust | c | both) ;;
*) die "IMPL=$IMPL is unknown; take rust, c or both" ;;
esac
guest=$top/build/guest-$(cat "$kdir/include/config/kernel.release")
[ "$IMPL" = rust ] || guest+=-$IMPL
mkdir -p "$guest"
lock "$top/.lock"
KDIR=$kdir step "Building the modules" "$top/build/log/modules.log" \
	"$top/scripts/modules.sh" modules

# The modules that only tests load; in the guest they lie in /root/faulty. One of them uses
# what ours export.
step "Building the modules of the tests" "$top/build/log/faulty.log" \
	kbuild "$kdir" tests/faulty KBUILD_EXTRA_SYMBOLS=../../Module.symvers modules
rm -rf "$guest/faulty" && mkdir "$guest/faulty"
cp -t "$guest/faulty" "$top"/tests/faulty/*.ko

# For modprobe: /lib/modules, with the files of depmod.
rm -rf "${guest:?}/lib"
INSTALL_MOD_PATH=$guest step "Installing the modules" "$top/build/log/modules_install.log" \
	"$top/scripts/modules.sh" modules_install CONFIG_MODULE_COMPRESS_ALL=

modules=("$top"/*.ko)
if [ "$IMPL" != rust ]; then
	for folder in c fixtures; do
		step "Building the modules of bench/$folder" "$top/build/log/bench-$folder.log" \
			kbuild "$kdir" "bench/$folder" modules
		rm -rf "${guest:?}/$folder" && mkdir "$guest/$folder"
		cp -t "$guest/$folder" "$top/bench/$folder"/*.ko
	done
fi
if [ "$IMPL" = both ]; then
	modules+=("$guest/c" "$guest/fixtures")
elif [ "$IMPL" = c ]; then
	for i in "${!modules[@]}"; do
		twin=$guest/c/$(basename "${modules[i]}")
		[ -e "$twin" ] || continue
		modules[i]=$twin
		find "$guest/lib" -name "$(basename "$twin")" -exec cp "$twin" {} \;
	done
fi

# The guest's programs, one for each tests/src/bin/NAME.rs: those that cargo builds for the
# tests as well, without what only a debugger reads. `make bench` measures with its own.
target=$top/tests/target/x86_64-unknown-linux-gnu
step "Building the programs" "$top/build/log/programs.log" \
	env -C "$top/tests" cargo build --locked --bins
mkdir -p "$guest/bin"
programs=()
for source in "$top"/tests/src/bin/*.rs; do
	name=$(basename "$source" .rs)
	[ "$name" != bench ] || continue
	llvm-strip -o "$guest/bin/$name" "$target/debug/$name"
	programs+=("$guest/bin/$name")
done
if [ "$IMPL" = both ]; then
	step "Building bench" "$top/build/log/programs.log" \
		env -C "$top/tests" cargo build --locked --release --features bench --bin bench
	programs+=("$target/release/bench")
fi

# What distributions have in /boot, for the tests; and which of a kernel's own modules they
# need, where it has them as modules (scripts/stock-guest.sh).
rm -rf "${guest:?}/boot" && mkdir -p "$guest/boot"
cp "$kdir/include/config/auto.conf" "$guest/boot/config"
[ ! -d "$kdir/guest" ] || cp -t "$guest/boot" "$kdir/guest"/*

ln -sfn "$image" "$guest/kernel"
"$top/qemu/initramfs.sh" "$guest/initramfs.cpio" "$cache/toolchain/bin/busybox" \
	"${modules[@]}" "$top/Module.symvers" "${programs[@]}" "$guest/faulty" "$guest/lib" "$guest/boot"
echo "$guest"
