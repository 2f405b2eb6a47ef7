# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of other servers, converted.

Each directory convert/SERVER-NAME is one with its includes; convert/SERVER-NAME.ok is what `seawall convert` says on
standard error, its exit status, and the file it writes. What it writes is accepted by Seawall's own reader, and no
secret of the input is on standard error. After a change: convert.py --accept, then read the difference.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

HERE = Path(__file__).resolve().parent / "convert"
SEAWALL = os.environ.get("SW_SEAWALL", str(tap.BUILD / "src" / "cli" / "seawall"))
FILES = {"bind": "named.conf", "knot": "knot.conf", "nsd": "nsd.conf"}
SECRET = re.compile(r"""secret"?:?\s+["']?([A-Za-z0-9+/]{12,}=*)""")


def run(directory, *arguments):
    return subprocess.run(
        [SEAWALL, *arguments],
        cwd=directory,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def convert(case):
    """What is expected in the .ok file, and faults beside it."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        place = Path(directory) / "in"
        shutil.copytree(case, place)
        server = case.name.split("-")[0]
        ran = run(place, "convert", "--from", server, FILES[server], "--output", "out.yaml")
        out = place / "out.yaml"
        text = f"{ran.stderr}exit status {ran.returncode}\n"
        if ran.stdout:
            faults.append(f"standard output: {ran.stdout}")
        if ran.returncode == 1 and out.exists():
            faults.append("it failed, and wrote")
        if out.exists():
            text += "----\n" + out.read_text()
            faults += faults_of(place, out, ran.returncode)
        for path in place.rglob("*"):
            found = SECRET.findall(path.read_text()) if path.is_file() and path != out else []
            faults += [f"a secret of {path.name} is told" for secret in found if secret in ran.stderr]
    return text.replace(str(place.resolve()), "DIR"), faults


def faults_of(place, out, status):
    """What is wrong with a file that was written."""
    if stat.S_IMODE(out.stat().st_mode) != 0o600:
        yield f"mode {out.stat().st_mode:o}"
    checked = run(place, "check", "--json", "out.yaml")
    findings = json.loads(checked.stdout)["findings"]
    # files of zones and certificates are not here; the rest must be right
    wrong = [found for found in findings if "No such file" not in found["text"]]
    if checked.returncode not in (0, 1) or wrong:
        yield f"our own reader: {wrong or checked.stderr}"
    has_lost = "# not converted:" in out.read_text()
    if has_lost != (status == 3):
        yield f"exit status {status}, and something lost: {has_lost}"


def matches(case):
    def check():
        got, faults = convert(case)
        want = Path(f"{case}.ok").read_text()
        yield from faults
        if got != want:
            yield from (f"expected: {line}" for line in want.splitlines())
            yield from (f"said: {line}" for line in got.splitlines())

    check.__doc__ = f"convert/{case.name}"
    return check


def check_standard_output():
    """Without --output the same is written to standard output."""
    case = HERE / "bind-primary"
    ran = run(case, "convert", "--from", "bind", "named.conf")
    if ran.stdout != Path(f"{case}.ok").read_text().split("----\n", 1)[1]:
        yield ran.stdout


def check_no_overwriting():
    """A file that is there stays."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        out = Path(directory) / "out.yaml"
        out.write_text("mine\n")
        ran = run(HERE / "bind-primary", "convert", "--from", "bind", "named.conf", "--output", out)
        if ran.returncode != 1 or out.read_text() != "mine\n" or "File exists" not in ran.stderr:
            yield f"{ran.returncode}: {ran.stderr}"


def check_cut_short():
    """A file cut short anywhere is refused or converted, never worse."""
    for case in sorted(path for path in HERE.iterdir() if path.is_dir()):
        server = case.name.split("-")[0]
        whole = (case / FILES[server]).read_bytes()
        with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
            for length in range(0, len(whole), max(7, len(whole) // 50)):
                (Path(directory) / FILES[server]).write_bytes(whole[:length])
                ran = run(directory, "convert", "--from", server, FILES[server])
                if ran.returncode not in (0, 1, 3) or "refused by our own reader" in ran.stderr:
                    yield f"{case.name}, {length} bytes: {ran.returncode}: {ran.stderr}"


def check_itself_included():
    """A file that includes itself ends in an error."""
    texts = {"bind": 'include "named.conf";\n', "knot": "include: knot.conf\n", "nsd": "include: nsd.conf\n"}
    for server, text in texts.items():
        with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
            (Path(directory) / FILES[server]).write_text(text)
            ran = run(directory, "convert", "--from", server, FILES[server])
            if ran.returncode != 1 or "included too deep" not in ran.stderr:
                yield f"{server}: {ran.returncode}: {ran.stderr}"


if __name__ == "__main__":
    cases = sorted(path for path in HERE.iterdir() if path.is_dir())
    if "--accept" in sys.argv:
        for directory in cases:
            Path(f"{directory}.ok").write_text(convert(directory)[0])
        sys.exit(0)
    tap.run({**globals(), **{f"check_{case.name}": matches(case) for case in cases}})
