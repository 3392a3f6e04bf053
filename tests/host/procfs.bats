# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit; for the guest's shell
# SPDX-License-Identifier: GPL-2.0
#
# A /proc file whose name is taken. The kernel WARNs of that, which fails a run in
# the guest by design (status 101), so these are not among the guest's tests.

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	job=$BATS_TEST_TMPDIR/job
}

# boot(commands) - runs shell commands in the guest, in which one WARNING of
# proc_register() has to come, and `done` as the last line of output
boot() {
	printf '#!/bin/sh\nset -ex\nnot() { if "$@"; then exit 1; fi; }\n%s\necho done\n' "$1" >"$job"
	run qemu/boot.sh "$LKMPG_GUEST" "$job"
	echo "$output"
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: "*"WARNING: "* ]]
	[[ $output == *$'\ndone\n'* ]]
}

@test "procfs_rs is refused while /proc/test is another's, and leaves that alone" {
	boot '
		insmod faulty/procfs_fixture.ko take=1
		not insmod procfs_rs.ko 2>/tmp/error
		grep "Cannot allocate memory" /tmp/error
		dmesg | grep "proc_dir_entry ./proc/test. already registered"
		not grep procfs_rs /proc/modules
		head -n 1 /proc/test | grep record
		rmmod procfs_fixture
		not [ -e /proc/test ]
		insmod procfs_rs.ko
		grep 1st /proc/test
		rmmod procfs_rs
		not [ -e /proc/test ]'
}

@test "a load that fails at its last file takes back the others and the folders" {
	boot '
		not insmod faulty/procfs_fixture.ko clash=1
		dmesg | grep "proc_dir_entry .fixture/records. already registered"
		not grep procfs_fixture /proc/modules
		not [ -e /proc/fixture ]
		insmod faulty/procfs_fixture.ko
		[ -e /proc/fixture/inner/device ]
		rmmod procfs_fixture
		not [ -e /proc/fixture ]'
}

@test "sched_rs is refused while /proc/sched is another's, and leaves that alone" {
	boot '
		insmod faulty/procfs_fixture.ko take_sched=1
		not insmod sched_rs.ko 2>/tmp/error
		grep "Cannot allocate memory" /tmp/error
		dmesg | grep "sched_rs: cannot create /proc/sched: -12"
		not grep sched_rs /proc/modules
		head -n 1 /proc/sched | grep record
		rmmod procfs_fixture
		not [ -e /proc/sched ]
		insmod sched_rs.ko
		grep "Timer was called" /proc/sched
		rmmod sched_rs
		not [ -e /proc/sched ]'
}
