#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build one fuzz target and run it for a bounded time.

    tests/fuzz/run.py TARGET [SECONDS]

First everything in tests/fuzz/seeds/TARGET, then what libFuzzer makes of it. What it finds new stays in
build/fuzz/corpus/TARGET, so that the next run starts where this one ended; an input that fails is kept in
build/fuzz/crashes and named. Once mended it moves to the seeds.

Prints TAP: one check for the seeds, one for the time of fuzzing.
"""

import re
import subprocess
import sys

from sanitized import BUILD, ENVIRONMENT, ROOT, build

SECONDS = 20
# One input may take this long: longer is a finding (complexity attacks are attacks).
INPUT_SECONDS_MAX = 5
def run(program, *arguments):
    """Exit status of a fuzz target, and all it said."""
    crashes = BUILD / "crashes"
    crashes.mkdir(exist_ok=True)
    ran = subprocess.run(
        [program, f"-artifact_prefix={crashes}/", f"-timeout={INPUT_SECONDS_MAX}", *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return ran.returncode, ran.stdout


def report(number, what, status, said):
    print(f"{'not ok' if status else 'ok'} {number} - {what}", flush=True)
    if status:
        # without libFuzzer's log of inputs that reached something new
        lines = [line for line in said.splitlines() if not re.match(r"#\d+\t", line)]
        print("".join(f"# {line}\n" for line in lines[-80:]))
    return status


def main():
    target = sys.argv[1]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    seeds = sorted((ROOT / "tests" / "fuzz" / "seeds" / target).iterdir())
    corpus = BUILD / "corpus" / target
    print("1..2", flush=True)
    program = BUILD / "tests" / "fuzz" / f"fuzz_{target}"
    build(program.relative_to(BUILD))
    corpus.mkdir(parents=True, exist_ok=True)

    status, said = run(program, *seeds)
    failed = report(1, f"{len(seeds)} seeds", status or not seeds, said or "no seeds")
    status, said = run(
        program, f"-max_total_time={seconds}", "-max_len=65536", "-print_final_stats=1", corpus,
        *({seed.parent for seed in seeds}),
    )  # fmt: skip
    executed = re.search(r"stat::number_of_executed_units: (\d+)", said)
    count = int(executed.group(1)) if executed else 0
    failed = report(2, f"{count} inputs in {seconds} s", status or not count, said) or failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
