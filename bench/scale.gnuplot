# SPDX-License-Identifier: GPL-2.0
#
# How an operation grows, from a file `data`: a line for each number of things, with that
# number and the instructions of the Rust module and of its C twin. `x` and `y` are the titles.
# Both axes are logarithmic, so that linear growth is a straight line.

set terminal svg size 640,400 font "sans-serif,14" background "white"
set logscale xy
set xlabel x
set ylabel y
set xtics (1, 16, 256, 4096)
set xrange [0.7:6000]
set format y "10^{%T}"
set key left top
set grid
plot data using 1:2 with linespoints linewidth 2 title "Rust", \
	data using 1:3 with linespoints linewidth 2 title "C"
