# shellcheck shell=bats disable=SC2016,SC2115,SC2164,SC2317 # bats is errexit and calls all this
# SPDX-License-Identifier: GPL-2.0
#
# qemu/boot.sh and qemu/run-test.sh: what makes a run in the guest fail. Each
# case provokes the real thing. LKMPG_GUEST is the guest to use.

bats_require_minimum_version 1.5.0
load guest

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.."
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	export LKMPG_GUEST
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	job=$BATS_TEST_TMPDIR/job
	# A runner that is killed leaves its work folder behind.
	export TMPDIR=$BATS_TEST_TMPDIR
	unset PARTITION
}

@test "a job's output comes back byte for byte, and so does its exit status" {
	printf '#!/bin/sh\nprintf "\\377\\004\\r\\n\\000end"; exit 7\n' >"$job"
	rc=0
	qemu/boot.sh "$LKMPG_GUEST" "$job" >"$BATS_TEST_TMPDIR/out" || rc=$?
	[ "$rc" -eq 7 ]
	printf '\377\004\r\n\000end' | cmp - "$BATS_TEST_TMPDIR/out"
}

@test "a line that a job leaves unfinished on the console does not hide its exit status" {
	boot 'printf unfinished >/dev/console; exit 7'
	[ "$status" -eq 7 ]
}

@test "what is on a module that the kernel lacks the option for is left out, and told" {
	guest=$BATS_TEST_TMPDIR/guest
	mkdir -p "$guest/boot"
	sed '/^CONFIG_\(GPIOLIB\|KPROBES\)=/d' "$LKMPG_GUEST/boot/config" >"$guest/boot/config"
	ln -s "$LKMPG_GUEST"/{kernel,initramfs.cpio} "$guest"
	cd tests
	for name in gpio_rs=GPIOLIB syscall_rs=KPROBES; do
		LKMPG_GUEST=$guest run -0 --separate-stderr cargo test --locked --quiet --test modules "${name%=*}::"
		# shellcheck disable=SC2154 # bats sets it
		[[ $stderr == *"Left out: what is on ${name%=*}, for this kernel has no CONFIG_${name#*=}"* ]]
		[[ $output == *" 0 passed; 0 failed;"* ]]
	done
	LKMPG_GUEST=$guest run -0 --separate-stderr cargo test --locked --quiet --test syscall_rs
	[ -z "$output" ]
}

@test "the guest has as many CPUs as SMP says" {
	SMP=4 boot 'nproc'
	[ "$status" -eq 0 ]
	[ "$output" = 4 ]
}

@test "a WARNING fails a run whose job succeeds" {
	boot 'insmod /job/faulty.ko warn=1 && rmmod faulty' tests/faulty/faulty.ko
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: "*"WARNING: "*faulty* ]]
}

@test "a BUG with its Oops fails a run" {
	boot 'insmod /job/faulty.ko bug=1; true' tests/faulty/faulty.ko
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: "*"BUG"* ]]
	[[ $output == *"Oops: "* ]]
}

@test "a kernel panic fails a run" {
	boot 'echo 1 >/proc/sys/kernel/panic_on_warn; insmod /job/faulty.ko warn=1' tests/faulty/faulty.ko
	[ "$status" -eq 101 ]
	[[ $output == *"Kernel panic"* ]]
}

@test "a hanging guest is ended at its limit" {
	LIMIT=4 boot 'insmod /job/faulty.ko hang=1' tests/faulty/faulty.ko
	[ "$status" -eq 101 ]
	[[ $output == *"hung for 4 s"* ]]
}

@test "a guest that goes away before its job has ended fails" {
	boot 'reboot -f'
	[ "$status" -eq 101 ]
	[[ $output == *"died before its job had ended"* ]]
}

@test "a QEMU that dies fails a run" {
	printf '#!/bin/sh\necho up; sleep 60\n' >"$job"
	qemu/boot.sh "$LKMPG_GUEST" "$job" >"$BATS_TEST_TMPDIR/out" 2>&1 &
	local runner=$!
	wait_for_line up
	kill -KILL "$(qemu_of "$runner")"
	rc=0
	wait "$runner" || rc=$?
	[ "$rc" -eq 101 ]
	grep 'QEMU ended with status 137' "$BATS_TEST_TMPDIR/out"
}

@test "no QEMU outlives a runner that is killed" {
	printf '#!/bin/sh\necho up; sleep 60\n' >"$job"
	qemu/boot.sh "$LKMPG_GUEST" "$job" >"$BATS_TEST_TMPDIR/out" 2>&1 &
	local runner=$! qemu
	wait_for_line up
	qemu=$(qemu_of "$runner")
	kill -KILL "$runner"
	for _ in {1..50}; do
		# Gone, or a zombie where init waits for none that it has not started, as in containers.
		[[ $(ps -o stat= -p "$qemu") == [!Z]* ]] || return 0
		sleep 0.1
	done
	return 1
}

@test "reports of the debug kernel count as complaints" {
	for line in \
		'WARNING: possible circular locking dependency detected' \
		'WARNING: inconsistent lock state' \
		'BUG: KASAN: slab-use-after-free in chardev_read+0x1/0x2' \
		'BUG: sleeping function called from invalid context at lib/strncpy_from_user.c:117' \
		'BUG: scheduling while atomic: insmod/42/0x00000002' \
		'UBSAN: array-index-out-of-bounds in drivers/x.c:1:2' \
		'kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)' \
		'INFO: task insmod:42 blocked for more than 10 seconds.' \
		'watchdog: BUG: soft lockup - CPU#0 stuck for 23s!' \
		'rcu: INFO: rcu_preempt self-detected stall on CPU' \
		'CFI failure at call_usermodehelper_exec+0x1/0x2 (target: 0x0; expected type: 0x700504fd)' \
		'Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1]'; do
		run -0 qemu/complaints.sh <<<"[   12.345678] $line"
	done
	run -1 qemu/complaints.sh <<<'hello_rs: Hello, world - this is the kernel speaking'
}

@test "a report in the kernel log fails a run whose job succeeds" {
	boot 'echo "<4>BUG: KASAN: made up" >/dev/kmsg'
	[ "$status" -eq 101 ]
	[[ $output == *"BUG: KASAN: made up"* ]]
}

@test "tests are listed without a guest" {
	printf '#!/bin/sh\necho "here: $*"\n' >"$job"
	chmod +x "$job"
	LKMPG_GUEST=/nonexistent run -0 qemu/run-test.sh "$job" --list --format terse
	[ "$output" = "here: --list --format terse" ]
}

@test "no guest is booted for no test" {
	printf '#!/bin/sh\n[ "$3" = --list ] && echo "0 tests, 0 benchmarks" || echo "here: $*"\n' >"$job"
	chmod +x "$job"
	LKMPG_GUEST=/nonexistent run -0 qemu/run-test.sh "$job" --quiet no_such_test
	[ "$output" = "here: --quiet no_such_test" ]
}

@test "a test gets its arguments and variables, whatever is in them" {
	# shellcheck disable=SC2016 # for the guest
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" "$FUZZ_SEED"\n' >"$job"
	chmod +x "$job"
	export FUZZ_SEED="it's \$HOME"
	run -0 qemu/run-test.sh "$job" --exact "a 'name'" --test-threads=2 --color=never
	[ "$output" = "$(printf '%s\n' --exact "a 'name'" --test-threads=2 --color=never "$FUZZ_SEED")" ]
}

@test "the parts of PARTITION are all tests, each once; no guest is booted for none" {
	printf '#!/bin/sh\ncase $* in\n*--list*) printf "%%s: test\\n" a::one a::two b::three four five ;;\n*) echo "$*" ;;\nesac\n' >"$job"
	chmod +x "$job"
	export PARTITION
	for PARTITION in {1..3}/3; do
		qemu/run-test.sh "$job" --test-threads=2 --color=never
	done >"$BATS_TEST_TMPDIR/out"
	printf -- '--test-threads=2 --color=never --exact %s\n' 'a::one four' 'a::two five' b::three |
		diff - "$BATS_TEST_TMPDIR/out"
	PARTITION=6/6 LKMPG_GUEST=/nonexistent run -0 qemu/run-test.sh "$job"
	[ -z "$output" ]
	for PARTITION in 0/4 5/4 1 half; do
		run -1 qemu/run-test.sh "$job"
		[ "$output" = "lkmpg-rs: PARTITION=$PARTITION is no part of a whole; take one like 1/4, 2/4, 3/4, 4/4" ]
	done
}

# wait_for_line(line) - waits until the runner in the background has printed it
wait_for_line() {
	for _ in {1..300}; do
		grep -qx "$1" "$BATS_TEST_TMPDIR/out" && return
		sleep 0.1
	done
	return 1
}

# qemu_of(runner) - prints the process id of a runner's QEMU: runner, timeout, QEMU
qemu_of() {
	pgrep -P "$(pgrep -P "$1" -x timeout)" -f qemu-system
}
