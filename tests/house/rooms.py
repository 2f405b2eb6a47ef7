# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms of src/ include only themselves and the rooms before them, always as "room/file.h"."""

import re
import tempfile
from pathlib import Path

import tap

ROOMS = ["wire", "zone", "image", "answer", "xdp", "serve", "sense", "guard", "cli"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def judge(room, quote, header):
    """What is wrong with one include, or None."""
    first, slash, _ = header.partition("/")
    if quote == "<":
        return f'<{header}> is ours: write "{header}"' if slash and first in ROOMS else None
    if not slash or first not in ROOMS or ".." in header.split("/"):
        return f'"{header}" is not of the form "room/file.h"'
    if ROOMS.index(first) > ROOMS.index(room):
        return f"{room} may not include {first} (order: {', '.join(ROOMS)})"
    return None


def faults_in(src):
    """All violations below a source tree."""
    for path in sorted(src.rglob("*")):
        if path.is_dir() or path.suffix not in (".c", ".h"):
            continue
        room = path.relative_to(src).parts[0]
        if room not in ROOMS:
            yield f"{path.relative_to(src)}: {room} is not a room"
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            fault = judge(room, *match.groups())
            if fault:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path.relative_to(src)}:{line}: {fault}"


def check_tree():
    """Every room includes only what it may."""
    yield from faults_in(tap.ROOT / "src")


def check_tree_is_read():
    """The sources are found."""
    if not list((tap.ROOT / "src" / "wire").glob("*.h")):
        yield "no header in src/wire"


def check_planted():
    """Planted violations are found, and nothing else."""
    planted = {
        "wire/up.c": ('#include "zone/contents.h"', True),
        "answer/up.h": ("\t#  include \"serve/udp.h\"", True),
        "zone/bare.c": ('#include "contents.h"', True),
        "zone/angle.c": ("#include <wire/name.h>", True),
        "zone/dots.c": ('#include "wire/../serve/udp.h"', True),
        "attic/x.c": ("#include <stdio.h>", True),
        "serve/down.c": ('#include "answer/answer.h"', False),
        "wire/own.c": ('#include "wire/name.h"', False),
        "xdp/system.c": ("#include <bpf/bpf.h>", False),
    }
    with tempfile.TemporaryDirectory() as directory:
        for name, (text, _) in planted.items():
            path = Path(directory) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        found = {fault.split(":")[0] for fault in faults_in(Path(directory))}
    for name, (text, is_fault) in planted.items():
        if (name in found) != is_fault:
            yield f"{name} with {text}: {'not found' if is_fault else 'blamed'}"


if __name__ == "__main__":
    tap.run(globals())
