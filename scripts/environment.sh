# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The environment of the host scripts. The tools that they run (make, kbuild, rustc,
# cargo, clang, bindgen, QEMU, python, git, tar, ...) read hundreds of variables, which
# people set for other work. So the first script of a run starts itself again with only
# the variables that are named here. To be sourced by common.sh.
#
# A variable of kbuild counts only on make's command line, as in kbuild itself. make
# passes it on in MAKEFLAGS, which also has the number of its -j.

# usable(dir) - whether it can hold temporary files: programs can run there, and the
# path suits a socket of QEMU (it is short, and a comma would end it)
usable() {
	local probe rc=0
	[[ $1 =~ ^/[^,[:space:]]{0,60}$ ]] || return 1
	probe=$(mktemp "$1/lkmpg.XXXXXX" 2>/dev/null) || return 1
	# An empty file is a script that does nothing.
	{ chmod +x "$probe" && "$probe"; } 2>/dev/null || rc=1
	rm -f "$probe"
	return $rc
}

# clean_environment() - sets `environment` to what the scripts start with
clean_environment() {
	local scripts=${BASH_SOURCE[0]%/*} pair name value word names jobs given=''
	# For us: what the Makefile exports, and what else the scripts and tests read.
	local kept='LIMIT|APPEND|ICOUNT|PATCHED_CODE|ASSUME_YES|CI|CONTAINER_ENGINE|CONTAINER_BASE|INSTALL_MOD_PATH|LKMPG_[A-Z_]+|FUZZ_[A-Z]+'
	while read -r word names; do
		[ "$word" != export ] || kept+="|${names// /|}"
	done <"$scripts/../Makefile"
	# For the tools: where things are, and how to reach the network from this machine.
	kept+='|HOME|PATH|TERM|USER|LOGNAME|XDG_CACHE_HOME|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS|SUDO_ASKPASS'
	kept+='|[a-z]+_proxy|[A-Z]+_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|RUSTUP_HOME|RUSTUP_AUTO_INSTALL'
	kept+='|CARGO_HOME|CARGO_(HTTP|NET|REGISTRY|REGISTRIES|SOURCE)_[A-Z_]+|RUST_BACKTRACE|RUST_TEST_[A-Z]+'

	local flags=" ${MAKEFLAGS:-}"
	[[ $flags == *' -- '* ]] && given=" ${flags#* -- }"
	[[ ${flags%% -- *} =~ ' -j'([0-9]+) ]] && jobs=${BASH_REMATCH[1]} ||
		jobs=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
	while IFS= read -r -d '' pair; do
		name=${pair%%=*} value=${pair#*=}
		if [[ $name =~ ^(CC|RUSTC|BINDGEN)$ && $given == *" $name="* ]]; then
			name=given_$name # for the doctor; cargo would take RUSTC for its own
		elif [[ ! $name =~ ^($kept)$ ]]; then
			continue
		fi
		# dash leaves the ~ of NAME=~/folder alone.
		[[ $value != '~'/* ]] || value=$HOME/${value#*/}
		case $name in
		DEBUG | STOCK) [ "$value" = 1 ] || continue ;; # other programs have one, too
		INSTALL_MOD_PATH) [[ $value =~ ^(/|$) ]] || value=$PWD/$value ;;
		PATH) value+=:/usr/sbin:/sbin ;;
		esac
		environment+=("$name=$value")
	done < <(env -0)
	for value in "${TMPDIR:-/tmp}" /tmp /var/tmp "${XDG_CACHE_HOME:-${HOME:-}/.cache}"; do
		usable "$value" && environment+=("TMPDIR=$value") && break
	done
	environment+=(
		lkmpg_clean=1 given_jobs="$jobs" CARGO_BUILD_JOBS="$jobs"
		# Those of tests/.cargo, and none of ~/.cargo.
		CARGO_ENCODED_RUSTFLAGS=-Ctarget-feature=+crt-static
		MAKEFLAGS="${given:+ --$given}" LC_ALL=C PYTHONNOUSERSITE=1
		# git reads no settings but these: the checkout may belong to another user.
		GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
		GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory
		GIT_CONFIG_VALUE_0="$(realpath "$scripts/..")"
	)
}

# raise_limits() - has the hard limits count, where the soft ones are too low
raise_limits() {
	ulimit -S -d hard -f hard -t hard -v hard
	[ "$(ulimit -S -n)" = unlimited ] || [ "$(ulimit -S -n)" -ge 1024 ] || ulimit -S -n hard
	[ "$(ulimit -S -s)" = unlimited ] || [ "$(ulimit -S -s)" -ge 8192 ] || ulimit -S -s hard
}

umask 022
if [ -z "${lkmpg_clean:-}" ] && [ "$0" = "${BASH_SOURCE[-1]}" ]; then
	environment=()
	clean_environment
	raise_limits
	# Without SIGPIPE, which a caller may ignore, programs complain of a closed pipe.
	exec env -i --default-signal=PIPE,CHLD "${environment[@]}" bash "$0" "$@"
fi
# shellcheck disable=SC2034 # used by the scripts that source this file
jobs=${given_jobs:-$(nproc)}
