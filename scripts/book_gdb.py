# SPDX-License-Identifier: GPL-2.0
"""The sessions of the book with a gdb outside the guest: see book-sessions.py."""

import os
import re
import subprocess

SCRIPTS = os.path.dirname(os.path.abspath(__file__))
PROMPT = "(gdb) "
# What stands before what each session prints.
MARK = "\x1e"


def run(command, chapters, socket):
    """Runs the guest, and gdb for its blocks; returns what both print, and the guest's status."""
    blocks = [lines for parts in chapters.values() for kind, lines in parts if kind == "session"]
    (module,) = set(re.findall(r"add-symbol-file (\w+)\.ko", str(blocks)))
    folder, kernel = subprocess.check_output([f"{SCRIPTS}/debug-info.sh", module], text=True).split()
    # One CPU: gdb takes those of the guest for threads, and tells which of them stops.
    settings = {"GDBSTUB": f"unix:{socket},server=on,wait=off", "SMP": "1", "LIMIT": "120"}
    guest = subprocess.Popen([*command, f"{folder}/{module}.ko"], stdout=subprocess.PIPE, env={**os.environ, **settings})
    said, begun = b"", 0
    for line in guest.stdout:
        said += line
        if line.strip() != MARK.encode():
            continue
        begun += 1
        if begun <= len(blocks) and blocks[begun - 1][0].startswith(PROMPT):
            address = re.findall(r"0x[0-9a-f]{16}", said.decode())[-1]
            script = ""
            for asked in [line for line in blocks[begun - 1] if line.startswith(PROMPT)]:
                real = asked[len(PROMPT) :].replace("localhost:1234", socket).replace("0xN", address)
                script += f"echo {asked}\\n\n{real}\n"
            with open(f"{socket}.script", "w", encoding="utf-8") as file:
                file.write(script)
            gdb = ["gdb", "-nx", "-batch", "-x", file.name, kernel]
            said += subprocess.run(gdb, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    return said, guest.wait()
