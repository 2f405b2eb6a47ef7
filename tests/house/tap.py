# SPDX-License-Identifier: GPL-3.0-or-later
"""Python checks that print TAP: each `check_*` function of a module is one, and returns what is wrong."""

import os
import sys
import traceback
from pathlib import Path

ROOT = Path(os.environ.get("SW_ROOT", Path(__file__).resolve().parent.parent.parent))
BUILD = Path(os.environ.get("SW_BUILD", ROOT / "build"))


def run(module):
    """Run the checks of a module (a dict of names) and exit. A check names no fault: it passed."""
    checks = [value for name, value in module.items() if name.startswith("check_")]
    print(f"1..{len(checks)}")
    failed = 0
    for number, check in enumerate(checks, 1):
        try:
            faults = list(check())
        except Exception:  # pylint: disable=broad-except
            faults = traceback.format_exc().splitlines()
        failed += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {number} - {check.__doc__.splitlines()[0].rstrip('.')}")
        for fault in faults:
            print(f"# {fault}")
    sys.exit(1 if failed else 0)
