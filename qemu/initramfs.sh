#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes the guest's base archive: busybox, init, the modules and the programs,
# as an uncompressed cpio. The same files give the same bytes.
#
# Usage: qemu/initramfs.sh OUTPUT BUSYBOX FILE...     folders as well

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

output=$1 busybox=$2
shift 2

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root" # mktemp's 0700 would shut everybody but root out of /

mkdir -p "$root"/{bin,sbin,usr/bin,etc,proc,sys,dev,mnt,tmp,run,var/log,root,job}
install -m 755 "$busybox" "$root/bin/busybox"
# Not by ln, of which each of the three hundred would be a program to start.
"$busybox" --list-full | env -C "$root" python3 -c '
import os, sys
for applet in sys.stdin.read().split():
    os.makedirs(os.path.dirname(applet) or ".", exist_ok=True)
    if applet != "bin/busybox":
        os.symlink("/bin/busybox", applet)'
install -m 755 "$top/qemu/init" "$root/init"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
cat >"$root/etc/fstab" <<-'END'
	proc /proc proc defaults 0 0
	sysfs /sys sysfs defaults 0 0
	devpts /dev/pts devpts defaults 0 0
	tmpfs /tmp tmpfs mode=1777 0 0
	debugfs /sys/kernel/debug debugfs defaults 0 0
END
# shellcheck disable=SC2016 # for the guest's shell
printf 'PS1="\\h# "\n' >"$root/etc/profile"
[ $# -eq 0 ] || cp -rt "$root/root" "$@"
# What has its place elsewhere: the tree of modules, the kernel's things; and a logger
# instead of busybox's, which needs sockets.
for folder in lib boot; do
	[ ! -e "$root/root/$folder" ] || mv -T "$root/root/$folder" "$root/$folder"
done
[ ! -e "$root/root/logger" ] || mv -f "$root/root/logger" "$root/usr/bin/logger"

# Whatever the modes of the files here are, by the caller's umask or by git's.
chmod -R u=rwX,go=rX,ug-s "$root"
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0) >"$output.part"
mv "$output.part" "$output"
