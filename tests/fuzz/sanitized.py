# SPDX-License-Identifier: GPL-3.0-or-later
"""The build with clang, libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, in build/fuzz."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("SW_ROOT", Path(__file__).resolve().parent.parent.parent))
BUILD = Path(os.environ.get("SW_BUILD", ROOT / "build")) / "fuzz"
SETUP = [
    "meson", "setup", BUILD, ROOT,
    # The other build judges warnings. This one judges behaviour, with another compiler.
    "-Dfuzz=true", "-Dwerror=false", "-Doptimization=1", "-Db_lundef=false",
    "-Db_sanitize=address,undefined", "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all",
]  # fmt: skip
ENVIRONMENT = {
    **os.environ,
    "ASAN_OPTIONS": "detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # llvm-symbolizer is there, bpftool in the other
    "PATH": os.environ["PATH"] + ":/usr/lib/llvm-19/bin:/usr/sbin:/sbin",
}


def build(*targets):
    """Set up and compile, one process at a time; without targets everything."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD.parent / "fuzz.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (BUILD / "build.ninja").exists():
            subprocess.run(SETUP, env={**ENVIRONMENT, "CC": "clang-19"}, stdout=sys.stderr, check=True)
        subprocess.run(["ninja", "-C", BUILD, *targets], env=ENVIRONMENT, stdout=sys.stderr, check=True)
