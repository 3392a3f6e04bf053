# shellcheck shell=bats disable=SC2164 # bats is errexit
# SPDX-License-Identifier: GPL-2.0
#
# The pages of the book, as a browser shows them.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.."
	unset MAKEFLAGS MAKELEVEL
}

@test "a browser shows each page, on a desk and on a phone, with nothing out of place" {
	make book
	# print.html prints itself; mdBook has made the two others for itself.
	find build/book -maxdepth 1 -name '*.html' ! -name print.html ! -name 404.html ! -name toc.html \
		-exec scripts/browser.sh {} +
}

@test "the browser tells what is out of place" {
	cd "$BATS_TEST_TMPDIR"
	cat >page.html <<-'END'
		<meta name="viewport" content="width=device-width"><main style="width: 600px">
		<p>This paragraph is as wide as its frame.</p>
		<div style="overflow-x: auto"><p style="width: 3000px">This scrolls.</p></div>
		<img src="absent.png" alt="none" width="200" height="200">
		<svg class="picture" aria-label="small" width="50" height="50"></svg>
		<svg class="picture" width="200" height="200"><text x="150" y="50">beyond the picture</text></svg>
		</main><script>console.error("said")</script>
	END
	run -1 "$OLDPWD/scripts/browser.sh" page.html
	for screen in desk phone; do
		[[ $output == *"page.html, $screen: a picture without a size: file://"*"/absent.png"* ]]
		[[ $output == *"page.html, $screen: a picture without a size: small"* ]]
		[[ $output == *"page.html, $screen: text beyond its picture: beyond the picture"* ]]
		[[ $output == *"page.html, $screen: console: "*"said"* ]]
	done
	[[ $output == *'page.html, phone: beyond the edge: P This paragraph'* && $output == *'page.html, phone: is 6'* ]]
	[[ $output != *'desk: beyond the edge'* && $output != *'This scrolls'* ]]
}

@test "README.md and the texts of docs, rendered, show in a browser as well" {
	cp -r --parents README.md docs/*.md docs/*.svg docs/book/book.css "$BATS_TEST_TMPDIR"
	mdbook=$(scripts/mdbook.sh)
	browser=$PWD/scripts/browser.sh
	cd "$BATS_TEST_TMPDIR"
	for text in README.md docs/*.md; do echo "- [$text]($text)"; done >SUMMARY.md
	printf '[book]\nsrc = "."\n[output.html]\nadditional-css = ["docs/book/book.css"]\n' >book.toml
	"$mdbook" build --dest-dir pages
	"$browser" pages/index.html pages/docs/*.html
}
