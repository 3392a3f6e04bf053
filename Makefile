# SPDX-License-Identifier: GPL-2.0
#
# For people; kbuild reads Kbuild. Variables:
#   SERIES=7.3|7.2   the kernel to fetch and build on first use; the newest by default
#   KERNEL_SRC=...   another source of it, a folder or a tarball
#   KERNEL_MIRROR=.. a mirror of kernel.org's releases to take it from
#   KDIR=...         a kernel tree that is built already, instead
#   STOCK=1          Debian's own kernel instead, on Debian 13; RELEASE=... which one
#   DEBUG=1          the debug guest: KASAN, lockdep, kmemleak and others
#   VARIANT=cfi      a kernel with kCFI: with qemu/kernel-cfi.config as well;
#                    VARIANT=late-release, one that releases kobjects seconds late;
#                    VARIANT=gcc, one that GCC builds, with signatures, as distributions do;
#                    VARIANT=rt, one for real time, with a tick of 100 Hz;
#                    VARIANT=lean, one without what only some modules need
#   KEY=... CERT=... for sign: a private key, and its certificate
#   TREE=...         a kernel source, for in-tree and in-tree-remove
#   IMPL=c           test the C twins of bench/c instead of their Rust modules
#   AGAIN=1          run tests that have passed, though nothing has changed
#   PARTITION=2/4    of each four tests in the guest the second
#   ONLY=sleep_rs    one module's part of the demo; mutants with these words in their names
#   SAMPLE=20        so many mutants, taken by chance; SEED=N takes the same ones again
#   ACCEL=kvm|tcg    how QEMU runs the guest; SMP=N, its CPUs
#   GDBSTUB=tcp:localhost:1234   where gdb can reach the guest of `make shell`

export SERIES KDIR STOCK RELEASE KEY CERT KERNEL_SRC KERNEL_MIRROR DEBUG VARIANT KCSAN TREE ACCEL SMP IMPL AGAIN PARTITION ONLY SAMPLE SEED GDBSTUB
# What bash reads before a script begins; the script does the rest: scripts/environment.sh.
unexport lkmpg_clean BASH_ENV BASHOPTS SHELLOPTS POSIXLY_CORRECT $(filter BASH_FUNC_%,$(.VARIABLES))
# Of several commands, each uses all processors.
.NOTPARALLEL:

.PHONY: modules modules_install clean demo test test-all mutants cycles bench bench-loop shell
.PHONY: book book-open exercise stock sign check doctor in-tree in-tree-remove rustdoc rust-analyzer kdir kernel-image help

modules:         ## build the modules (the default)
	@scripts/modules.sh modules

modules_install: ## install them, below INSTALL_MOD_PATH if that is set
	@scripts/modules.sh modules_install

clean:           ## remove what was built here; the cache stays
	@scripts/clean.sh

demo:            ## a narrated tour of the modules in a QEMU guest
	@scripts/demo.sh

test:            ## all tests
	@scripts/test.sh

test-all:        ## on each series, plain and debug, with a table at the end
	@scripts/test-all.sh

mutants:         ## which faults, put into the sources, the tests notice
	@scripts/mutants.sh

# On one CPU: with more, most of the time goes into what they tell each other.
cycles:          ## load and unload each module 1,000 times, 200 on a debug kernel
	@LKMPG_CYCLES=full SMP=$${SMP:-1} LIMIT=$${LIMIT:-5400} scripts/test.sh life_cycles:: -- --nocapture

bench:           ## count instructions: the Rust modules and their C twins
	@scripts/bench.sh

bench-loop:      ## what a developer waits for: set-up, tests, a change, a boot
	@scripts/bench-loop.sh

shell:           ## a shell in the guest
	@scripts/shell.sh

book:            ## build the book, in build/book
	@scripts/book.sh

book-open:       ## the same, and open it in a browser
	@page=$$(scripts/book.sh) && { xdg-open "$$page" 2>/dev/null || echo "$$page"; }

exercise:        ## whether an exercise of the book is solved: make exercise 1
	@scripts/exercise.sh $(number)

# The number is not a goal of its own.
number := $(if $(filter exercise,$(firstword $(MAKECMDGOALS))),$(word 2,$(MAKECMDGOALS)))
ifneq ($(number),)
.PHONY: $(number)
$(number): ; @:
endif

check:           ## rustfmt, clippy, shellcheck, and what the book names
	@scripts/check.sh

doctor:          ## what would go wrong with a kernel tree or the tools
	@scripts/doctor.sh

in-tree:         ## put the modules into a kernel source, TREE=DIR
	@scripts/in-tree.sh put

in-tree-remove:  ## take them out again
	@scripts/in-tree.sh remove

rustdoc:         ## document the wrappers, in build/rustdoc
	@scripts/rustdoc.sh

rust-analyzer:   ## write rust-project.json, for editors
	@scripts/rust-analyzer.sh

stock:           ## print a KDIR for the kernel that runs, on Debian 13
	@scripts/stock.sh

sign:            ## sign what make has built, for a kernel that asks for signatures
	@scripts/sign.sh

kdir:            ## print the kernel build tree in use
	@scripts/kernel.sh

kernel-image:    ## print the path of its image
	@kdir=$$(scripts/kernel.sh) && scripts/kernel-image.sh "$$kdir"

help:            ## this list
	@sed -n 's/^\([a-z_-]*\): *## /  \1\t/p; s/^#   /  /p' Makefile | expand -t 20
