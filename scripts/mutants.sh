#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts one fault after the other into a copy of the sources, each a patch in
# tests/mutants/, and tells which ones the tests notice. Ends with a table. Fails when a
# fault without a reason to stays unnoticed, or when a patch is of no use any more.
#
# Lines before the diff say what a patch needs:
#   builds: MODULE...            what to build; faulty/MODULE for one of tests/faulty
#   tests: BINARY [ARGUMENT...]  what to run: tests of the package in tests/,
#   tests: host FILE [REGEX]     or of tests/host/FILE.bats,
#   tests: build                 or nothing, for the build has to refuse it
#   guest: debug                 only the debug guest can notice it
#   survives: REASON             nobody can notice it, and why
#
# Usage: [DEBUG=1] [ONLY="WORD..."] [SAMPLE=N [SEED=N]] scripts/mutants.sh
# DEBUG=1 takes those for the debug guest, and no others. ONLY takes those with one of the
# words in their names, SAMPLE takes N of them by chance.

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

work=$top/build/mutants
lock "$work.lock"
cd "$top"
# header(name, patch) - prints what a patch says of itself
header() { sed -n "/^---/q; s/^$1: //p" "$2"; }

# selected() - prints the patches that the caller asks for
selected() {
	local word patch
	for word in ${ONLY:-/}; do
		find tests/mutants -name '*.patch' -path "*$word*"
	done | LC_ALL=C sort -u | while read -r patch; do
		[ "$(header guest "$patch")" = "${DEBUG:+debug}" ] || continue
		[ -z "${SAMPLE:-}" ] || [ -z "$(header survives "$patch")" ] || continue
		echo "$patch"
	done | if [ -n "${SAMPLE:-}" ]; then
		awk -v seed="$SEED" 'BEGIN { srand(seed) } { print rand(), $0 }' | sort -n | sed "s/.* //; ${SAMPLE}q"
	else
		cat
	fi
}

[ -z "${SAMPLE:-}" ] || echo "A sample of $SAMPLE; SEED=${SEED:=$RANDOM} takes the same ones again."
mapfile -t patches < <(selected)
[ ${#patches[@]} -gt 0 ] || die "there is no mutant for ONLY=${ONLY:-} DEBUG=${DEBUG:-}"
for patch in "${patches[@]}"; do
	git apply --check "$patch" || die "$patch does not apply any more"
done

guest=$("$top/scripts/prepare.sh")
kdir=$("$top/scripts/kernel.sh")
use_tools "$kdir"
export PATH="$cache/toolchain/bin:$PATH"
step "Building the tests" "$top/build/log/tests.log" env -C tests cargo test --locked --no-run --test '*'

# Copies of the tests and of the sources, so that both may be worked on meanwhile. Sources
# that have not changed keep their time, and so their objects.
release=$(cat "$kdir/include/config/kernel.release")
tree=$work/tree-$release
rm -rf "$work/tests" && mkdir -p "$tree" "$work/tests" "$work/log"
sed -n 's,^ *Executable .*(\(.*\)),tests/\1,p' build/log/tests.log | xargs cp -t "$work/tests"
while read -r -d '' file; do
	cmp -s "$file" "$tree/$file" 2>/dev/null || cp -P --parents "$file" "$tree"
done < <(project_files ':!docs')
cd "$tree"
export GIT_CEILING_DIRECTORIES=$work # `git apply` is not to look for a repository

# build(module...) - builds modules of the copy, and makes a guest that has them
build() {
	local module folder root=$work/root
	rm -rf "$root" "$work/guest"
	mkdir -p "$root/root/faulty" "$root/lib/modules/$release/updates" "$work/guest"
	for module in "$@"; do
		[[ $module == faulty/* ]] && folder=tests/faulty || folder=.
		kbuild "$kdir" "${tree#"$top"/}/$folder" "${module#faulty/}.ko" \
			KBUILD_EXTRA_SYMBOLS="$(realpath --relative-to="$tree/$folder" "$top/Module.symvers")" || return
		cp "$folder/${module#faulty/}.ko" "$root/root/$module.ko"
		[[ $module == faulty/* ]] || cp "$module.ko" "$root/lib/modules/$release/updates"
	done
	ln -s "$(realpath "$guest/kernel")" "$work/guest/kernel"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) |
		cat "$guest/initramfs.cpio" - >"$work/guest/initramfs.cpio"
}

# run_tests(guest, limit, tests...) - runs tests with a guest, for so many seconds at most
run_tests() {
	local -x LKMPG_GUEST=$1 LIMIT=$2
	case $3 in
	build) ;;
	host) bats --filter "${5:-.}" "tests/host/$4.bats" ;;
	*) qemu/run-test.sh "$work/tests/$3"-* "${@:4}" ;;
	esac
}

# The seconds that tests take without a fault.
declare -A seconds=([build]=0)

# healthy(log, tests...) - whether there are such tests, which pass without a fault
healthy() {
	local start=$SECONDS
	[ -z "${seconds[${*:2}]:-}" ] || return 0
	run_tests "$guest" 600 "${@:2}" >"$1" 2>&1 && grep -q '^test result: ok\. [1-9]\|^1\.\.[1-9]' "$1" || return
	seconds[${*:2}]=$((SECONDS - start))
}

# judge(patch, log) - tries a mutant; sets `verdict` and `how`
judge() {
	local survives tests modules
	read -ra modules < <(header builds "$1") || true
	read -ra tests < <(header tests "$1")
	healthy "$2" "${tests[@]}" || { verdict=useless how="its tests fail without it, see $2" && return; }

	git apply "$1"
	verdict=survived how=
	if ! build "${modules[@]}" >"$2" 2>&1; then
		verdict=caught how="the build"
		[ "${tests[*]}" = build ] || verdict=useless how="it does not build, see $2"
	elif ! run_tests "$work/guest" $((40 + 3 * seconds[${tests[*]}])) "${tests[@]}" >"$2" 2>&1; then
		# Not by head, which ends early: where the log is long the first sed would die of SIGPIPE.
		verdict=caught how=$(sed -n 's/^guest: \(.*\); from its console:/\1/p; s/^leaked by .*[^:]/&/p
			s/^not ok [0-9]* //p; s/^    \([a-z0-9_:]*\)$/\1/p' "$2" | sed -n 1p)
	fi
	git apply -R "$1"

	survives=$(header survives "$1")
	case $verdict,$survives in
	survived,?*) verdict=excused how=$survives ;;
	caught,?*) verdict=useless how="it is noticed, though nobody can: $how" ;;
	esac
}
results=$work/results${DEBUG:+-debug}
: >"$results"
for patch in "${patches[@]}"; do
	start=$SECONDS name=${patch#tests/mutants/} name=${name%.patch}
	judge "$patch" "$work/log/${name/\//.}.log"
	printf '%s %-8s %s: %s\n' "$(elapsed "$start")" "$verdict" "$name" "$how" | tee -a "$results"
done

awk '{ split($3, path, "/"); file[path[1]]; file["all"]; n[path[1], $2]++; n["all", $2]++ }
	END {
		row = "%-24s %6s %8s %7s %7s\n"
		printf "\n" row, "Mutants of", "caught", "survived", "excused", "useless"
		fflush()
		for (f in file)
			printf row, f, +n[f, "caught"], +n[f, "survived"], +n[f, "excused"], +n[f, "useless"] | "sort"
	}' "$results"
! grep -E '^\S+ (survived|useless) ' "$results" | sed 's/^/  /'
