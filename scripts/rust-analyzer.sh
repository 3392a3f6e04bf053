#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Writes rust-project.json, with which rust-analyzer knows the modules and the
# kernel's crates. The kernel's generator does not know the variable that names
# the folder of our generated bindings; it is added here.
#
# Usage: scripts/rust-analyzer.sh

# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

{
	"$top/scripts/modules.sh" modules
	"$top/scripts/modules.sh" rust-analyzer
} >&2
python3 - "$top" <<'END'
import json, os, sys
top = sys.argv[1]
path = f"{top}/rust-project.json"
with open(path) as file:
    project = json.load(file)
# Ours have paths from here on, and nothing depends on them; build/ has copies of them.
crates = [c for c in project["crates"] if not c["root_module"].startswith("build/")]
for crate in crates:
    if not crate["root_module"].startswith("/"):
        crate["env"]["LKMPG_OBJ"] = os.path.dirname(f"{top}/{crate['root_module']}")
project["crates"] = crates
with open(path, "w") as file:
    json.dump(project, file, indent=4)
END
echo "$top/rust-project.json"
