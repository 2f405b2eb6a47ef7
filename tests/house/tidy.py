# SPDX-License-Identifier: GPL-3.0-or-later
"""clang-tidy over the rooms that read bytes from the wire, as compiled for user space."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tap

ROOMS = ["wire", "image", "answer"]


def sources():
    """The C files of these rooms that the build compiles natively."""
    commands = json.loads((tap.BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {(Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
    rooms = [(tap.ROOT / "src" / room).resolve() for room in ROOMS]
    return sorted(path for path in paths if path.parent in rooms)


def tidy(path):
    """Findings in one file."""
    ran = subprocess.run(
        ["clang-tidy", "-p", tap.BUILD, "--quiet", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ran.stdout.splitlines() or ran.stderr.splitlines() if ran.returncode else []


def check_rooms():
    """clang-tidy finds nothing in the wire, image and answer rooms."""
    paths = sources()
    if not paths:
        yield "the build compiles no file of these rooms"
    with ThreadPoolExecutor(2) as pool:
        for faults in pool.map(tidy, paths):
            yield from faults


if __name__ == "__main__":
    tap.run(globals())
