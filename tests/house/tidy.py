# SPDX-License-Identifier: GPL-3.0-or-later
"""clang-tidy over what is compiled for user space: all of it where bytes from elsewhere are read, its quick part everywhere."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tap

# In these rooms paths are followed as well, which takes a hundred times as long as all else.
WHOLE = ["wire", "zone", "image", "answer", "sense"]
QUICK = ["xdp", "serve", "guard", "cli"]


def sources(among):
    """The C files of these rooms that the build compiles natively."""
    commands = json.loads((tap.BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {(Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
    rooms = [(tap.ROOT / "src" / room).resolve() for room in among]
    return sorted(path for path in paths if path.parent in rooms)


def tidy(path, *options):
    """Findings in one file."""
    ran = subprocess.run(
        ["clang-tidy", "-p", tap.BUILD, "--quiet", *options, path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ran.stdout.splitlines() or ran.stderr.splitlines() if ran.returncode else []


def faults(among, *options):
    """Findings in these rooms, a process for each core."""
    paths = sources(among)
    if not paths:
        yield "the build compiles no file of these rooms"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda path: tidy(path, *options), paths):
            yield from found


def check_whole():
    """clang-tidy finds nothing where bytes from elsewhere are read."""
    yield from faults(WHOLE)


def check_quick():
    """Nor does it, without following paths, in the other rooms."""
    yield from faults(QUICK, "--checks=-clang-analyzer-*")


if __name__ == "__main__":
    tap.run(globals())
