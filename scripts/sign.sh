#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Signs the modules that `make` has built, by the sign-file of the tree that they were built
# against, for a kernel that trusts the certificate.
#
# Usage: KEY=key.pem CERT=cert.pem scripts/sign.sh       CERT in PEM or DER

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[[ -n ${KEY:-} && -n ${CERT:-} ]] ||
	die "give KEY=, a private key, and CERT=, its certificate: make sign KEY=key.pem CERT=cert.pem"
for file in "$KEY" "$CERT"; do
	[ -r "$file" ] || die "cannot read $file"
done
kdir=$(cat "$top/build/kdir" 2>/dev/null) || die "nothing is built here: run 'make' first"
sign=$kdir/scripts/sign-file
[ -x "$sign" ] ||
	die "$kdir has no scripts/sign-file: its kernel knows no signatures (CONFIG_MODULE_SIG), and needs none"
hash=$(tree_config "$kdir" MODULE_SIG_HASH)
for module in "$top"/*.ko; do
	"$sign" "${hash:-sha256}" "$KEY" "$CERT" "$module" ||
		die "cannot sign $(basename "$module") with $KEY and $CERT"
done
echo "Signed: $(cd "$top" && echo *.ko)"
