#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots the guest with a job and passes the job's output and exit status on.
# Fails, whatever the job says, when the kernel complains (BUG, WARNING, Oops,
# lockdep, KASAN, ...), panics, or hangs longer than LIMIT seconds.
#
# Usage: qemu/boot.sh GUEST [JOB FILE...]
#   GUEST  a folder with `kernel` and `initramfs.cpio` (scripts/prepare.sh)
#   JOB    a program to run, with FILEs beside it in /job; a shell without one
# Environment: DEBUG (set for a debug kernel), SMP (vCPUs, 2), LIMIT (seconds, 600), ACCEL
# (kvm or tcg), APPEND (words for the kernel's command line),
# GDBSTUB (where QEMU waits for a gdb, as its -gdb has it),
# PATCHED_CODE (set when the job makes the kernel patch code that other CPUs run),
# ICOUNT (set for a guest of one CPU whose nanoseconds are the instructions that it has
# executed: each run of a job is the same; QEMU's monitor is not there, for it is not)

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../scripts/common.sh"

guest=$1
[ -z "${ICOUNT:-}" ] || export SMP=1 ACCEL=tcg
accel=$("$top/qemu/accel.sh" "$guest/kernel" "$guest/initramfs.cpio")
cpu=host
if [ "$accel" = tcg ]; then
	# Five-level page tables make KASAN report the kernel's own start: docs/known-issues.md.
	# Without the other features the kernel does not use `rep movsb` and `rep stosb` for
	# memcpy() and memset(), which QEMU emulates a byte at a time.
	cpu=max,la57=off,erms=off,fsrm=off
	read -r _ _ _ version _ < <(qemu-system-x86_64 --version)
	! at_least "$version" 8.2 || cpu+=,fsrs=off
fi
# A QEMU with a thread for each vCPU can go on with code as it was before it was patched:
# a kernel dies of the breakpoint of a probe that has gone (docs/known-issues.md).
[ "$accel" != tcg ] || [ -z "${PATCHED_CODE:-}" ] || accel=tcg,thread=single
# Nothing that is not the same in each run: threads, the host's clock and randomness.
[ -z "${ICOUNT:-}" ] || accel=tcg,thread=single cpu+=,rdrand=off,rdseed=off
smp=${SMP:-2}
args=(
	-accel "$accel" -machine q35 -cpu "$cpu" -m 512
	# A socket each: the MP table lists one CPU a socket.
	-smp "$smp,sockets=$smp"
	-nodefaults -no-user-config -display none -no-reboot
	-kernel "$guest/kernel"
	# The device of edu_rs, and one that its driver has to refuse. The firmware takes what
	# is in slot 1 for a router of interrupts.
	-device "edu,addr=04.0" -device "pci-testdev,addr=05.0"
)
# 0x608: where the firmware puts the PM timer. no_timer_check: a busy host makes
# the kernel believe that its timer is broken. Loading and unloading wait for RCU,
# which takes half the time when hurried.
options="console=ttyS0 loglevel=5 printk.devkmsg=on panic=-1 pmtmr=0x608 no_timer_check rcupdate.rcu_expedited=1 ${APPEND:-}"
# Checked slabs have no sheaves, in which stale pointers hide leaks from kmemleak.
[ -z "${DEBUG:-}" ] || options+=" slab_debug=F"

[ -z "${GDBSTUB:-}" ] || args+=(-gdb "$GDBSTUB")
[ -z "${ICOUNT:-}" ] || args+=(-icount "shift=0,sleep=off" -rtc "base=2026-01-01,clock=vm")
if [ $# -eq 1 ]; then
	exec qemu-system-x86_64 "${args[@]}" -serial mon:stdio \
		-initrd "$guest/initramfs.cpio" -append "$options"
fi

job=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/job"
install -m 755 "$job" "$work/root/job/run"
[ $# -eq 0 ] || cp -t "$work/root/job" "$@"
# The same job gives the same bytes.
chmod -R u=rwX,go=rX,ug-s "$work/root"
find "$work/root" -exec touch -h -d @0 {} +
(cd "$work/root" && find job | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0) |
	cat "$guest/initramfs.cpio" - >"$work/initramfs"
args+=(
	-initrd "$work/initramfs"
	# oops=panic: a process that dies in the kernel may hold locks for ever.
	-append "$options oops=panic"
	-serial "file:$work/console" # ttyS0
	-serial stdio                # ttyS1
)
[ -n "${ICOUNT:-}" ] || args+=(
	# QEMU's monitor is the guest's ttyS2: the guest types on its own keyboard.
	-chardev "socket,id=monitor,path=$work/monitor,server=on,wait=off"
	-mon "chardev=monitor,mode=readline"
	-chardev "socket,id=loop,path=$work/monitor"
	-device "isa-serial,chardev=loop,index=2"
	# ttyS3 is connected to nothing; what it sends can be read with `ringbuf_read`.
	-chardev "ringbuf,id=sent,size=4096"
	-device "isa-serial,chardev=sent,index=3"
)

# pdeathsig: no guest outlives this script, even one that is killed. Plain
# `timeout` would take the guest out of the process group that callers end.
rc=0
setpriv --pdeathsig KILL timeout --foreground -k 5 "${LIMIT:-600}" \
	setpriv --pdeathsig KILL qemu-system-x86_64 "${args[@]}" </dev/null || rc=$?

# fail(message, [line]) - tells what went wrong, shows the console from `line` on
# or its end, and fails
fail() {
	printf '\nguest: %s; from its console:\n' "$1" >&2
	if [ -n "${2:-}" ]; then
		grep -a -m 1 -A 60 -F -e "$2" "$work/console"
	else
		tail -n 40 "$work/console"
	fi | tr -d '\r' | sed 's/^/    /' >&2 || true
	exit 101
}

[ "$rc" -ne 124 ] || fail "hung for ${LIMIT:-600} s"
[ "$rc" -eq 0 ] || fail "QEMU ended with status $rc"
# Not by a pipe: `tr` dies of SIGPIPE when grep has found its line, and pipefail
# would take that for "nothing found".
if complaint=$("$top/qemu/complaints.sh" < <(tr -d '\r' <"$work/console")); then
	fail "the kernel complained: $complaint" "$complaint"
fi
# Not at the start of a line, if the job left one of its own unfinished.
status=$(sed -n 's/.*guest: exit status \([0-9]*\)\r*$/\1/p' "$work/console")
[ -n "$status" ] || fail "died before its job had ended"
exit "$status"
