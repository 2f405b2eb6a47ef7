# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of the files: layout, licence lines, scripts, and what no file may contain."""

import os
import re
import subprocess
from pathlib import Path

import tap

CODE = ["src", "tests", "bench", "lab", "fuzz"]
SCRIPTS = ["script", ".ci", "tests", "bench", "lab"]
# Directories every Debian machine has. A path below any other one names somebody's own machine.
COMMON = set("bin boot dev etc lib lib64 mnt media opt proc run sbin srv sys tmp usr var".split())


def files(directories, *suffixes):
    """Files below these directories of the tree, sorted, without what was generated."""
    for directory in directories:
        for path in sorted((tap.ROOT / directory).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and (not suffixes or path.suffix in suffixes):
                yield path


def text_of(path):
    """What stands in a file, or nothing if it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def everything():
    """All text files of the tree: name below the root, contents."""
    for path in sorted(tap.ROOT.rglob("*")):
        name = path.relative_to(tap.ROOT)
        top = name.parts[0]
        if top == ".git" or top.startswith("build") or "__pycache__" in name.parts or not path.is_file():
            continue
        yield name, text_of(path)


def lines_matching(pattern):
    """Where a pattern stands, as "file:line: text"."""
    compiled = re.compile(pattern)
    for name, text in everything():
        for number, line in enumerate(text.splitlines(), 1):
            if compiled.search(line):
                yield f"{name}:{number}: {line.strip()}"


def run(*command):
    """Lines a tool complains with."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode:
        yield from ran.stdout.splitlines() or [f"{command[0]}: exit status {ran.returncode}"]


def check_layout():
    """C files are laid out by .clang-format."""
    blamed = set()
    for line in run("clang-format", "--dry-run", "-Werror", *files(CODE, ".c", ".h")):
        path, *rest = line.split(":", 1)
        if rest and " error: " in line and path not in blamed:
            blamed.add(path)
            yield f"{line} (clang-format -i mends it)"


def check_licence():
    """Every source file begins with its licence."""
    for path in [*files(CODE, ".c", ".h", ".py", ".sh"), *files(["script", ".ci"])]:
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in "".join(text_of(path).splitlines()[:3]):
            yield f"{path.relative_to(tap.ROOT)}: no SPDX line in the first three"


def check_shell():
    """shellcheck finds nothing in the shell scripts."""
    scripts = [path for path in files(SCRIPTS) if re.match(r"#! ?/(usr/)?bin/(env )?(ba)?sh\b", text_of(path))]
    yield from run("shellcheck", *scripts)


def check_python():
    """Python files compile."""
    for path in files(CODE, ".py"):
        try:
            compile(text_of(path), path, "exec")
        except SyntaxError as error:
            yield str(error)


def check_lines():
    """Lines end without blanks, files with a newline."""
    for name, text in everything():
        if name.suffix not in (".c", ".h", ".py", ".sh", ".md", ".build") and name.parts[0] != "script":
            continue
        if text and not text.endswith("\n"):
            yield f"{name}: no newline at the end"
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                yield f"{name}:{number}: blank at the end"


def check_marks():
    """No file says that something is left to do."""
    marks = "|".join(["TO" + "DO:", "TO" + "DO\\(", "FIX" + "ME", r"\bXX" + r"X\b", r"\bHA" + r"CK\b"])
    yield from lines_matching(marks)


def check_places():
    """No file names the machine it was written on."""
    top = Path(os.path.realpath(tap.ROOT)).parts[1]
    own = [] if top in COMMON else [rf"(?<![\w.]){re.escape('/' + top)}/"]
    yield from lines_matching("|".join([r"(?<![\w.])/(home|root)/\w", *own]))


def check_sleeps():
    """Tests wait for a condition, not for a time."""
    fixed = re.compile(r"\b(time\.sleep|usleep|nanosleep|sleep) *\(? *[0-9.]+")
    for path in files(["tests"], ".c", ".h", ".py", ".sh"):
        for number, line in enumerate(text_of(path).splitlines(), 1):
            # Polling for a condition needs a pause; such a line says so.
            if fixed.search(line) and "poll" not in line:
                yield f"{path.relative_to(tap.ROOT)}:{number}: {line.strip()}"


if __name__ == "__main__":
    tap.run(globals())
