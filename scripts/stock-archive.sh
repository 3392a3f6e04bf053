# shellcheck shell=bash disable=SC2034,SC2154 # shared with those that source this
# SPDX-License-Identifier: GPL-2.0
#
# Debian's kernel packages: what the archive has, by an apt of its own, and what the machine
# has. To be sourced after common.sh.

stock=$cache/stock apt=$cache/stock/apt

# archive(pattern) - has apt see the first suite that has a package of that name; prints
# the newest such package
archive() {
	local suite codename found why="Debian's archive has no $1; take the newest that it has: RELEASE=amd64"
	codename=$(os_release VERSION_CODENAME)
	for suite in "$codename-backports" "$codename" sid; do
		rm -rf "$apt"
		attempt "Looking for Linux in $suite" "$cache/log/apt-stock.log" \
			"$top/scripts/apt-isolated.sh" "$apt" "$suite" || continue
		# No pipe into a command that stops reading: it would end apt-cache with SIGPIPE.
		found=$(APT_CONFIG=$apt/apt.conf apt-cache pkgnames linux-headers- | grep -xE "$1" | sort -V | tail -n 1)
		[ -z "$found" ] || { echo "$found" && return; }
	done
	! no_network "$cache/log/apt-stock.log" || why="no network to fetch $1"
	die "$why"
}

# download(package, version) - fetches a package of exactly this version into the apt's folder
download() {
	step "Fetching $1" "$cache/log/fetch-stock.log" \
		env -C "$apt" APT_CONFIG="$apt/apt.conf" apt-get download "$1=$2"
}

# candidate(package) - prints the newest version of a package that the archive has
candidate() {
	APT_CONFIG=$apt/apt.conf apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p'
}

# find_release() - sets `release`
find_release() {
	local flavour=amd64
	release=${RELEASE:-$(uname -r)}
	[[ ! $release =~ ^((cloud|rt)-)?amd64$ ]] || flavour=$release
	if [ "$flavour" = "$release" ] || { [ -n "${STOCK:-}" ] && [ -z "${RELEASE:-}" ] && ! stock_name "$release"; }; then
		# One that is there needs no network.
		release=$(compgen -G "$stock/*/.complete" | sed 's,/.complete$,,; s,.*/,,' |
			grep -xE "[0-9.]+\+deb[0-9]+-$flavour" | sort -V | tail -n 1 || true)
		[ -n "$release" ] || release=$(archive "linux-headers-[0-9.]+\+deb[0-9]+-$flavour")
		release=${release#linux-headers-}
	fi
	stock_name "$release" ||
		die "Linux $release is no kernel of Debian's with Rust; take RELEASE= one of ${known_series[*]}, as in 7.3.4+deb13-amd64, or install one and boot it: linux-image-amd64 of $(os_release VERSION_CODENAME)-backports"
}

# stock_name(release) - whether it is the name of a kernel of Debian's, of a series that we know
stock_name() {
	[[ $1 =~ ^[0-9.]+\+deb[0-9]+(\+[0-9]+)?-((cloud|rt)-)?amd64$ ]] && knows "$1"
}

# find_headers() - sets `headers` and `version`: those of the machine, else of the archive
find_headers() {
	local package=linux-headers-$release damaged
	headers=/usr/src/$package
	if version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) && [ -r "$headers/.config" ]; then
		damaged=$(dpkg --verify "$package" | awk 'NR == 1 { print $NF }')
		[ -z "$damaged" ] || die "$damaged is not as $package has it: sudo apt-get install --reinstall $package"
		return
	fi
	archive "${package//+/\\+}" >/dev/null
	version=$(candidate "$package")
	download "$package" "$version"
	dpkg-deb -x "$(compgen -G "$apt/linux-headers-*.deb")" "$apt/headers"
	headers=$apt/headers/usr/src/$package
}

# find_source() - prints the folder of the kernel's source in the headers' version, without
# most of what has nothing to do with Rust
find_source() {
	local series dir=$cache/src/stock-$version package there tarball
	series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
	package=linux-source-$series
	[ ! -d "$dir" ] || { echo "$dir" && return; }
	tarball=/usr/src/$package.tar.xz
	if [ "$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null)" != "$version" ] || [ ! -r "$tarball" ]; then
		[ -e "$apt/headers" ] || archive "linux-headers-${release//+/\\+}" >/dev/null
		there=$(candidate "$package")
		[ "$there" = "$version" ] ||
			die "linux-headers-$release is of version $version, the archive has $package ${there:-not at all}: upgrade the kernel and its headers, and boot it"
		download "$package" "$version"
		tarball=$apt/source.tar.xz
		dpkg-deb --fsys-tarfile "$(compgen -G "$apt/$package"_*.deb)" |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' >"$tarball"
	fi
	rm -rf "$dir.part" && mkdir -p "$dir.part"
	step "Unpacking $package" "$cache/log/unpack.log" tar --no-same-owner -xf "$tarball" -C "$dir.part" --strip-components=1 \
		--wildcards --anchored --exclude="$package"/{drivers,fs,net}/'*.[cS]' --exclude="$package/sound/*.[ch]" \
		--exclude="$package/drivers/gpu/drm/amd/*.h" --exclude="$package"/tools/{testing,perf} \
		--exclude="$package/Documentation/*/*" --exclude='*.dts*'
	mv "$dir.part" "$dir"
	rm -f "$apt"/*.deb "$apt/source.tar.xz"
	echo "$dir"
}
