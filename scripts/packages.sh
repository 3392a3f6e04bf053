# shellcheck shell=bash disable=SC2154 # top, cache and jobs are set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# This distribution's packages: their names are in packages.txt. To be sourced after
# common.sh.

# shellcheck source=scripts/apt.sh
. "$top/scripts/apt.sh"

# column() - prints this distribution's column of packages.txt
column() {
	local name
	for name in "$(os_release ID) $(os_release VERSION_ID)" $(os_release ID) $(os_release ID_LIKE); do
		awk -F ' *[|] *' -v name="$name" '/^# what/ { for (i = 2; i <= NF; i++) if ($i == name) print i }' \
			"$top/scripts/packages.txt"
	done | sed -n 1p | grep .
}

# packages() - prints a line for each thing that is needed: what, and its packages
packages() {
	awk -F ' *[|] *' -v column="$(column || echo 1)" '!/^#/ { print $1, $column }' "$top/scripts/packages.txt"
}

# install_packages(package...) - installs packages, or says how to
install_packages() {
	local id name
	id=$(os_release ID) name=$(os_release PRETTY_NAME)
	case " $id $(os_release ID_LIKE) " in
	*' debian '* | *' ubuntu '*) apt_install "$@" ;;
	*' fedora '*) die "on ${name:-$id}, type: sudo dnf install $*; or take a container: scripts/container.sh make demo" ;;
	*' arch '*) die "on ${name:-$id}, type: sudo pacman -S --needed $*; or take a container: scripts/container.sh make demo" ;;
	*) die "on ${name:-$id}, take a container: scripts/container.sh make demo; or install yourself: $*" ;;
	esac
}

# announce(package...) - before anything is installed or built: says what will be, and on a
# terminal waits for a key. With BOOK=1 no kernel will be
announce() {
	local free what='the source of Linux (150 MB), from Debian or kernel.org'
	local build='it in' made='kernel/*/.complete' size=4 minutes=ten
	[ -z "${STOCK:-}" ] ||
		{ build="the Rust metadata of Debian's kernel in" made='stock/*/.complete' size=1 minutes=five; }
	[ -z "${BOOK:-}" ] || { what='mdBook, from crates.io' made='mdbook-*/bin/mdbook' size=1 minutes=five; }
	! compgen -G "$cache/$made" >/dev/null || [ $# -gt 0 ] || return 0
	mkdir -p "$cache" || die "cannot create $cache"
	free=$(df --output=avail -BG "$cache" | tail -n 1)
	{
		printf 'This first run is going to\n'
		[ $# -eq 0 ] || printf '%s\n' "install these packages of $(os_release PRETTY_NAME):" "$(fold -s -w 72 <<<"$*" | sed 's/^/  /')" | sed 's/^/  /'
		[ -n "$(packages | sed -n 's/^bindgen -$/-/p')" ] && ! find_bindgen >/dev/null &&
			printf '  build bindgen, from crates.io\n'
		printf '  fetch %s\n' "$what"
		printf '  build %s %s: %s GB, of %s that are free\n' "$build" "$cache" $size "${free// /}"
		printf 'and takes about %s minutes on two processors; here are %s. What is interrupted\n' $minutes "$jobs"
		printf 'goes on with the same command.\n'
	} >&2
	[ -t 0 ] && [ -t 2 ] && [ -z "${ASSUME_YES:-}${CI:-}" ] || return 0
	read -rp 'Enter to go on, Ctrl-C to leave: ' _ </dev/tty
}
