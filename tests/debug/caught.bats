# shellcheck shell=bats disable=SC2016,SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# What a plain kernel lets pass, the debug guest catches: a faulty module for each.
# LKMPG_GUEST is a debug guest; scripts/test.sh sees to that.

bats_require_minimum_version 1.5.0
load ../host/guest

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	export DEBUG=1 TMPDIR=$BATS_TEST_TMPDIR
	unset PARTITION
	LKMPG_GUEST=${LKMPG_GUEST:-$(scripts/prepare.sh)}
	export LKMPG_GUEST
}

# run_tests(commands) - runs shell commands in place of the tests of a module `made_up`
run_tests() {
	printf '#!/bin/sh
		case " $* " in
		*" --list "*) echo "made_up::test: test" ;;
		*) %s ;;
		esac' "$1" >"$BATS_TEST_TMPDIR/tests"
	chmod +x "$BATS_TEST_TMPDIR/tests"
	run qemu/run-test.sh "$BATS_TEST_TMPDIR/tests"
}

@test "tests that leave nothing behind pass" {
	run_tests 'insmod faulty/debug_faulty.ko && rmmod debug_faulty'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "a leaked allocation fails the module's tests" {
	run_tests 'insmod faulty/debug_faulty.ko leak=8 && rmmod debug_faulty'
	[ "$status" -eq 101 ]
	[[ $output == *"leaked by the tests of made_up:"*"size 64"* ]]
	[[ $output == *"the kernel complained: kmemleak: "[1-8]" new suspected memory leak"* ]]
}

@test "locks taken in either order fail the run" {
	boot 'insmod faulty/debug_faulty.ko lock_order=1 && rmmod debug_faulty'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: WARNING: possible circular locking dependency"* ]]
}

@test "a spin lock that a timer takes as well fails the run, and one that keeps it away does not" {
	boot 'insmod faulty/debug_faulty.ko lock_in_irq=1 && rmmod debug_faulty'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: WARNING: inconsistent lock state"* ]]
	boot 'insmod locks_rs.ko lock=irq && rmmod locks_rs'
	[ "$status" -eq 0 ]
}

@test "sleeping with a spin lock or in an interrupt handler fails the run, and asking for the terminal" {
	for sleep in lock=1 irq=1 irq=2; do
		boot "insmod faulty/debug_faulty.ko sleep_in_$sleep && rmmod debug_faulty"
		[ "$status" -eq 101 ]
		[[ $output == *"the kernel complained: BUG: sleeping function called from invalid context"* ]]
	done
}

# Lockdep is the first to see it: a probe is like an interrupt that cannot be turned off.
@test "sleeping in a probe fails the run" {
	boot 'insmod faulty/debug_faulty.ko sleep_in_probe=1 && cat /dev/null && rmmod debug_faulty'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: WARNING: inconsistent lock state"* ]]
	[[ $output == *"{IN-NMI} usage."* ]]
}

# Something in the module's struct would be dropped by rmmod: see "Registrations" in
# abstractions/mod.rs.
@test "a registration that outlives its module fails the run" {
	# What is left behind, and what makes the kernel call it, or look at it. The first to
	# complain may be lockdep: the module's lock classes go before its memory does, and a
	# timer comes between the two.
	while read -r what event; do
		echo "$what"
		boot "insmod faulty/debug_faulty.ko keep=$what && rmmod debug_faulty && $event"
		[ "$status" -eq 101 ]
		[[ $output == *"the kernel complained: "@(BUG|Oops|WARNING)": "* ]]
	done <<-'END'
		line cat /proc/interrupts
		filter echo reconnect >/sys/bus/serio/devices/serio0/drvctl
		probe cat /dev/null
		timer sleep 1
		thread sleep 2
		work sleep 1
	END
}

# Nobody can remove its folders then, so what they need stays, for ever.
@test "a configfs subsystem that goes before its folders does no harm" {
	boot 'folder=/sys/kernel/config/fixture/x
		insmod faulty/configfs_fixture.ko drop_after_ms=500 && mkdir $folder && cd $folder &&
		until dmesg | grep -q "subsystem dropped"; do usleep 10000; done
		[ ! -e $folder ] && cat a && ! rmdir ../x && ! rmmod configfs_fixture && cat sum'
	[ "$status" -eq 0 ]
}

@test "a disk that goes while it is open fails what is asked of it, and keeps the module" {
	boot 'insmod faulty/block_fixture.ko drop_after_ms=500 && exec 3<>/dev/block_fixture &&
		until dmesg | grep -q "disk dropped"; do usleep 10000; done
		[ ! -e /dev/block_fixture ] && [ -z "$(head -c 1 <&3)" ] && ! echo >&3 && exec 3<&- && ! rmmod block_fixture'
	[ "$status" -eq 0 ]
}

@test "a subsystem of kernel::configfs whose name is taken kills the load" {
	boot 'insmod faulty/configfs_crate.ko'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: "@(BUG|Oops)": "* ]]
	[[ $output == *"configfs_unregister_subsystem+"* ]]
}

# As the kernel crate sets no owner, a reference does not pin the module; when that can no
# longer be seen, docs/known-issues.md has to change.

@test "a file of kernel::debugfs that outlives its module fails the run" {
	boot 'insmod faulty/debugfs_fixture.ko && exec 3</sys/kernel/debug/fixture/number &&
		rmmod debugfs_fixture && exec 3<&-'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: BUG: KASAN: "*" in full_proxy_release+"* ]]
}

@test "a disk of kernel::block::mq that outlives its module fails the run" {
	boot 'insmod faulty/block_crate.ko && exec 3</dev/fixture &&
		rmmod block_crate && exec 3<&-'
	[ "$status" -eq 101 ]
	[[ $output == *"the kernel complained: BUG: KASAN: "*" in bdev_release+"* ]]
}
