# shellcheck shell=bats
# SPDX-License-Identifier: GPL-2.0
#
# `make bench`: its figures are the same in each run, and show what there is to show.

bats_require_minimum_version 1.5.0

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
}

@test "two runs give the same figures, though the host disturbs one" {
	run --separate-stderr "$top/scripts/bench.sh" . c
	[ "$status" -eq 0 ]
	[[ "$output" == *'"wake 4096 sleepers"'* ]]

	# SIGIO does nothing but wake QEMU's main thread up.
	setsid "$top/scripts/bench.sh" . c >"$BATS_TEST_TMPDIR/disturbed" 3>&- &
	until qemu=$(pgrep -x -s $! qemu-system-x86); do
		kill -0 $!
		sleep 0.1
	done
	python3 - "$qemu" <<-'END'
		import os, signal, sys
		try:
		    while True:
		        os.kill(int(sys.argv[1]), signal.SIGIO)
		except ProcessLookupError:
		    pass
	END
	wait $!
	diff <(echo "$output") "$BATS_TEST_TMPDIR/disturbed"

	# Nothing has become dearer beside its twin than bench/results.json has it; but for the
	# sleepers, whose figures depend on where the linker puts a function of theirs. With loading
	# and unloading it is by chance, one for each build, whether a tick of the clock is in it.
	python3 - "$output" "$top/bench/results.json" <<-'END'
		import json, sys
		rust, c, _ = (dict(figures) for figures in json.loads(sys.argv[1]))
		def limit(of):
		    return 0.05 if of.startswith(("insmod ", "rmmod ")) else 0.02
		dearer = [
		    (row["of"], row["ratio"], rust[row["of"]], c[row["of"]])
		    for row in json.load(open(sys.argv[2]))["instructions"]
		    if "sleepers" not in row["of"] and rust[row["of"]] / c[row["of"]] > row["ratio"] + limit(row["of"])
		]
		assert not dearer, dearer
	END
}

@test "1,000 instructions more in a read show, and nowhere else" {
	run --separate-stderr "$top/scripts/bench.sh" c fixtures --module chardev_rs
	[ "$status" -eq 0 ]
	python3 - "$output" <<-'END'
		import json, sys
		twin, slower = (dict(figures) for figures in json.loads(sys.argv[1]))
		read = "read 4096 bytes of /dev/chardev_rs"
		assert slower[read] - twin[read] == 1000, (slower[read], twin[read])
		opened = "open and close /dev/chardev_rs"
		assert slower[opened] == twin[opened], (slower[opened], twin[opened])
	END
}
