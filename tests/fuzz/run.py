#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build one fuzz target and run it for a bounded time.

    tests/fuzz/run.py TARGET [SECONDS]

First everything in tests/fuzz/seeds/TARGET, then what libFuzzer makes of it. What it finds new stays in
build/fuzz/corpus/TARGET, so that the next run starts where this one ended; an input that fails is kept in
build/fuzz/crashes and named. Once mended it moves to the seeds.

Prints TAP: one check for the seeds, one for the time of fuzzing.
"""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("SW_ROOT", Path(__file__).resolve().parent.parent.parent))
BUILD = Path(os.environ.get("SW_BUILD", ROOT / "build")) / "fuzz"
SECONDS = 20
# One input may take this long: longer is a finding (complexity attacks are attacks).
INPUT_SECONDS_MAX = 5
SETUP = [
    "meson", "setup", BUILD, ROOT,
    # The other build judges warnings. This one judges behaviour, with another compiler.
    "-Dfuzz=true", "-Dwerror=false", "-Doptimization=1", "-Db_lundef=false",
    "-Db_sanitize=address,undefined", "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all",
]  # fmt: skip


def build(target):
    """Set up and compile, one process at a time."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD.parent / "fuzz.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (BUILD / "build.ninja").exists():
            subprocess.run(SETUP, env={**os.environ, "CC": "clang-19"}, stdout=sys.stderr, check=True)
        subprocess.run(["ninja", "-C", BUILD, f"tests/fuzz/fuzz_{target}"], stdout=sys.stderr, check=True)
    return BUILD / "tests" / "fuzz" / f"fuzz_{target}"


def run(program, *arguments):
    """Exit status of a fuzz target, and all it said."""
    crashes = BUILD / "crashes"
    crashes.mkdir(exist_ok=True)
    ran = subprocess.run(
        [program, f"-artifact_prefix={crashes}/", f"-timeout={INPUT_SECONDS_MAX}", *arguments],
        env={
            **os.environ,
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PATH": os.environ["PATH"] + ":/usr/lib/llvm-19/bin",
        },
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
    program = build(target)
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
