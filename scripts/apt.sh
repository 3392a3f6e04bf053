# shellcheck shell=bash disable=SC2154 # cache is set by common.sh
# SPDX-License-Identifier: GPL-2.0
#
# Installing Debian's packages on this machine. To be sourced after common.sh.

# as_root(command...) - runs a command as root, through sudo where needed
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# For what `step` must not put into its log.
exec {person}>&2

# patient(command...) - runs apt-get as root. While another program holds one of apt's
# locks, it says so once, and tries again for ten minutes.
patient() {
	local said='' last=$cache/log/apt-last.log end=$((SECONDS + 600))
	until as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@" 2>&1 | tee "$last"; do
		grep -qE 'Could not get lock|locked by another process' "$last" && [ $SECONDS -lt $end ] || return 1
		if [ -z "$said" ]; then
			said=$(grep -oE 'by (another )?process.*' "$last" | head -n 1)
			printf "  waiting for apt's lock, which is held %s\n" "${said:=by another program}" >&"$person"
		fi
		sleep "${patience:-10}"
	done
}

# fetch_newer_qemu(dir) - fetches QEMU's packages of the release's backports into a folder
fetch_newer_qemu() {
	rm -rf "$1"
	step "Looking for a newer QEMU in backports" "$cache/log/apt-backports.log" \
		"$top/scripts/apt-isolated.sh" "$1" "$(os_release VERSION_CODENAME)-backports"
	step "Fetching QEMU" "$cache/log/fetch-qemu.log" env -C "$1" APT_CONFIG="$1/apt.conf" \
		apt-get download qemu-system-x86 qemu-system-common qemu-system-data seabios
}

# apt_install(package...) - installs packages on the machine; never removes one
apt_install() {
	local packages=("$@") install=(apt-get install -y --no-install-recommends --no-remove)
	local newer=$cache/apt-qemu i
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		die "not root and no sudo here; as root, run: apt-get install --no-install-recommends $*"
	fi
	[ "$(id -u)" -eq 0 ] || sudo -v || die "sudo refused; as root, run: apt-get install --no-install-recommends $*"
	# Somebody has interrupted an installation.
	[ -z "$(dpkg --audit)" ] ||
		step "Ending an interrupted installation" "$cache/log/dpkg.log" patient dpkg --configure -a
	# A source of packages that fails need not be one of those that are needed here.
	(step "Updating the package lists" "$cache/log/apt-update.log" \
		patient apt-get update -o APT::Update::Error-Mode=any) ||
		echo "  going on with the package lists that there are" >&2
	# Where qemu-utils came from backports, the release's own QEMU would remove it.
	if [[ " $* " == *" qemu-system-x86 "* ]] && ! "${install[@]}" -s qemu-system-x86 >/dev/null 2>&1; then
		fetch_newer_qemu "$newer"
		for i in "${!packages[@]}"; do
			[ "${packages[i]}" != qemu-system-x86 ] || unset "packages[i]"
		done
		packages+=("$newer"/*.deb)
	fi
	step "Installing ${#packages[@]} packages" "$cache/log/apt-install.log" \
		patient "${install[@]}" "${packages[@]}"
	rm -rf "$newer"
}
