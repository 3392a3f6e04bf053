#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks at pages of the book in a browser: tests/host/browser.py, which tells what is wrong.
# Installs the browser when it is first needed.
#
# Usage: [LKMPG_SCREENSHOTS=DIR] scripts/browser.sh FILE.html...

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

if ! { command -v chromium && command -v chromedriver && /usr/bin/python3 -c 'import selenium'; } >/dev/null 2>&1; then
	install_packages chromium chromium-driver python3-selenium
fi
# The browser leaves files behind.
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR
"$top/tests/host/browser.py" "$@"
