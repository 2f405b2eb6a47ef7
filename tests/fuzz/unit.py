#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test programs written in C once more, under AddressSanitizer and UndefinedBehaviorSanitizer.

Prints TAP: one check a program.
"""

import concurrent.futures
import json
import os
import subprocess
import sys

from sanitized import BUILD, ENVIRONMENT, build


def programs():
    """The declared tests that are programs of this build, started directly."""
    listed = subprocess.run(["meson", "introspect", "--tests", BUILD], stdout=subprocess.PIPE, check=True)
    return [test for test in json.loads(listed.stdout) if test["cmd"][0].startswith(f"{BUILD}/")]


def run(test):
    """Exit status of a test program, and all it said."""
    try:
        ran = subprocess.run(
            test["cmd"],
            env={**ENVIRONMENT, **test["env"]},
            cwd=test["workdir"] or BUILD,
            timeout=test["timeout"] * 2,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return 1, f"{expired}"
    return ran.returncode, ran.stdout


def main():
    build()
    tests = sorted(programs(), key=lambda test: -test["timeout"])  # the long ones first, or cores wait for one at the end
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(run, tests))
    for number, (test, (status, said)) in enumerate(zip(tests, done), 1):
        print(f"{'not ok' if status else 'ok'} {number} - {test['name']}", flush=True)
        if status:
            failed += 1
            print("".join(f"# {line}\n" for line in said.splitlines()[-80:]), flush=True)
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
