# SPDX-License-Identifier: GPL-3.0-or-later
"""The counting of tests/run, over logs made here."""

import json
import subprocess
import tempfile

import tap


def count(runs, may_skip="no"):
    """The last line and exit status of tests/run over these (stdout, result, returncode)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for stdout, result, returncode in runs:
            run = {"name": "x", "stdout": stdout, "result": result, "returncode": returncode}
            log.write(json.dumps(run) + "\n")
        log.flush()
        ran = subprocess.run(
            [tap.ROOT / "tests" / "run", "--log", log.name, "--may-skip", may_skip],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    return ran.stdout.splitlines()[-1], ran.returncode


def expect(got, line, status):
    if got != (line, status):
        yield f"expected {(line, status)}, got {got}"


def check_sum():
    """Checks of several programs are added up."""
    runs = [("1..2\nok 1 - a\nok 2 - b\n", "OK", 0), ("", "OK", 0), (None, "OK", 0)]
    yield from expect(count(runs), "4 passed, 0 failed, 0 skipped", 0)


def check_not_ok():
    """A failed check fails the run and is counted once."""
    runs = [("1..2\nok 1 a\nnot ok 2 b\n# why\n", "FAIL", 1)]
    yield from expect(count(runs), "1 passed, 1 failed, 0 skipped", 1)


def check_crash():
    """A program that dies after passing checks fails the run."""
    runs = [("1..3\nok 1 a\nok 2 b\n", "ERROR", -11)]
    yield from expect(count(runs), "2 passed, 1 failed, 0 skipped", 1)


def check_timeout():
    """A program that runs out of time fails the run."""
    yield from expect(count([("", "TIMEOUT", -15)]), "0 passed, 1 failed, 0 skipped", 1)


def check_skip_fails():
    """A skip is a failure where everything can run."""
    runs = [("1..2\nok 1 a\nok 2 b # SKIP no root\n", "OK", 0), ("", "SKIP", 77)]
    yield from expect(count(runs), "1 passed, 2 failed, 0 skipped", 1)


def check_skip_allowed():
    """A skip is only counted where not everything can run."""
    runs = [("1..2\nok 1 a\nok 2 b # SKIP no root\n", "OK", 0), ("1..0 # SKIP no root\n", "SKIP", 0)]
    yield from expect(count(runs, "yes"), "1 passed, 0 failed, 2 skipped", 0)


def check_todo():
    """Work left to do is no success."""
    yield from expect(count([("1..1\nnot ok 1 a # TODO\n", "EXPECTEDFAIL", 0)]), "0 passed, 1 failed, 0 skipped", 1)


def check_nothing():
    """A run without any check fails."""
    yield from expect(count([]), "0 passed, 0 failed, 0 skipped", 1)


if __name__ == "__main__":
    tap.run(globals())
