# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user reads: each N.in has beside it, in N.ok, all that is printed for it, and the exit status.

config/N.in is a configuration file, given to `seawall check`; usage/N.in is a command line.
After a change of texts: golden.py --accept, then read the difference.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

HERE = Path(__file__).resolve().parent
SEAWALL = os.environ.get("SW_SEAWALL", str(tap.BUILD / "src" / "cli" / "seawall"))
FILES = {  # what the commands find in their directory
    "good.zone": "$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\n",
    "bad.zone": "$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.999\n",
    "costly.zone": "$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\n@ NSEC3PARAM 1 0 151 -\n",
    "list": "example.org\tgood.zone\n",
    "names.list": "# names alone\ngood\n",
    "secret": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\n",
    "empty": "\n",
    "bad.list": "# origin and file\n\nexample.org good.zone\n",
    "twice.list": "example.org\tgood.zone\nEXAMPLE.org.\tbad.zone\n",
}


def said(golden):
    """Everything printed, and the exit status."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        for name, text in FILES.items():
            (Path(directory) / name).write_text(text)
        arguments = ["check", "seawall.yaml"]
        if golden.parent.name == "config":
            (Path(directory) / "seawall.yaml").write_bytes(golden.read_bytes())
        else:
            arguments = shlex.split(golden.read_text())
        ran = subprocess.run(
            [SEAWALL, *arguments],
            cwd=directory,
            env={**os.environ, "LC_ALL": "C", "JOURNAL_STREAM": "0:0", "SEAWALL_CONTROL": "told.sock"},  # no times in the log
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=20,
            check=False,
        )
    text = re.sub(r"(seawall) \d+\.\d+\.\d+", r"\1 VERSION", ran.stdout, flags=re.IGNORECASE)
    return f"{text}exit status {ran.returncode}\n"


def check_of(golden):
    """The check of one pair."""

    def check():
        got, want = said(golden).splitlines(), golden.with_suffix(".ok").read_text().splitlines()
        if got != want:
            yield from (f"expected: {line}" for line in want)
            yield from (f"said: {line}" for line in got)

    check.__doc__ = f"{golden.parent.name}/{golden.stem}"
    return check


if __name__ == "__main__":
    found = sorted(HERE.glob("*/*.in"))
    if "--accept" in sys.argv:
        for path in found:
            path.with_suffix(".ok").write_text(said(path))
        sys.exit(0)
    tap.run({f"check_{number}": check_of(path) for number, path in enumerate(found)})
