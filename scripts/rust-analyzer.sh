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

"$top/scripts/modules.sh" modules rust-analyzer
python3 - "$top" <<'END'
import json, sys
top = sys.argv[1]
path = f"{top}/rust-project.json"
with open(path) as file:
    project = json.load(file)
for crate in project["crates"]:
    if crate["root_module"].startswith(top):
        crate.setdefault("env", {})["LKMPG_OBJ"] = top
with open(path, "w") as file:
    json.dump(project, file, indent=4)
END
echo "$top/rust-project.json"
