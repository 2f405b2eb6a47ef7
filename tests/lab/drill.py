# SPDX-License-Identifier: GPL-3.0-or-later
"""A minute of the drill, from the command line to the page; and drills that are interrupted."""

import functools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tap

sys.dont_write_bytecode = True
# The test bears the name of what it tests, and the directory of the program would come first.
sys.path[0] = str(tap.ROOT / "lab")
sys.path.append(str(Path(__file__).parent))
import recording  # noqa: E402  pylint: disable=wrong-import-position
import score  # noqa: E402  pylint: disable=wrong-import-position
import traces  # noqa: E402  pylint: disable=wrong-import-position

DRILL = [sys.executable, str(tap.ROOT / "lab" / "drill.py")]
LIMIT_S = 20


def drill(*words, **options):
    return subprocess.run([*DRILL, *map(str, words)], check=False, capture_output=True, text=True, **options)


def refusal(reason, *words):
    done = drill(*words)
    if done.returncode != 2 or reason not in done.stderr:
        yield f"{' '.join(words)}: expected a refusal ({reason}), got {done.returncode}: {done.stderr.strip()}"


def check_usage():
    """What cannot be played is refused before anything is built."""
    yield from refusal("neither a phase", "--phases", "wave1")
    yield from refusal("no P17", "--phases", "P17")
    yield from refusal("invalid choice", "--server", "unknown")
    yield from refusal("no unknown", "--compare", "--servers", "unknown")
    yield from refusal("neither a number", "--seed", "x")
    yield from refusal("--profile", "--profile", "huge")
    yield from refusal("not between", "--unit", "0")
    yield from refusal("P4, in which it happens, is not played", "--kill", "--phases", "P0,P2")


@functools.cache
def played():
    """The run of a minute: its exit status, what was said, the run, its score, the page."""
    with tempfile.TemporaryDirectory() as out:
        before = traces.seen()
        done = drill("--phases", "smoke", "--out", out)
        left = traces.left_for_good(before, set(), LIMIT_S)
        if done.returncode:
            return done, None, None, "", left
        run = recording.load(Path(out) / "seawall-1")
        return done, run, score.score(run), (Path(out) / "index.html").read_text(encoding="utf-8"), left


def phase(name):
    return next(row for row in played()[2]["phases"] if row["phase"] == name)


def check_plays():
    """script/drill --phases smoke ends well, prints the score card, writes the page, and leaves nothing."""
    done, _, card, page, left = played()
    if card is None:
        yield f"status {done.returncode}: {done.stderr[-2000:]}"
        return
    if "First tries, from onset + 5 s" not in done.stdout or "P4 wave 2" not in done.stdout:
        yield f"no score card: {done.stdout[-1000:]}"
    if "<svg" not in page or "seawall" not in page:
        yield "no page"
    if left:
        yield f"it leaves {left}"


def check_progress():
    """Off a terminal, progress is plain lines: phase, time left, honest rate and attack of each POP."""
    lines = [line for line in played()[0].stderr.splitlines() if " left " in line]
    if len(lines) < 12 or not all(re.search(r"P\d+|drain", line) and "apac" in line for line in lines):
        yield played()[0].stderr[:1000]


def check_peace():
    """In peace everybody is answered, over every transport; nothing is refused, nothing wrong."""
    for name in ("P0", "P3"):
        row = phase(name)
        if row["first_rate"] < 0.99 or row["wrong"] or row["refused"] or row["truncated"]:
            yield f"{name}: {row}"
        for kind, rate in row["first_rate_by_kind"].items():
            if rate is not None and rate < 0.97:
                yield f"{name}: {kind} {rate}"


def check_attack():
    """The attack is there: 45 L at one POP in wave 1, at all in wave 2; its parts as the scenario says."""
    wave1, wave2 = phase("P2"), phase("P4")
    unit = played()[2]["unit_qps"]
    if not 40 * unit < wave1["attack_pps"] < 46 * unit:
        yield f"wave 1: {wave1['attack_pps']} packets/s"
    if wave2["attack_pps"] < 4 * 30 * unit:
        yield f"wave 2: {wave2['attack_pps']} packets/s"
    for pop, vectors in wave1["attack_pps_by"].items():
        if (pop == "us-east") != (vectors["syn"] > 20 * unit):
            yield f"wave 1 at {pop}: {vectors}"
    for pop, vectors in wave2["attack_pps_by"].items():
        if not all(vectors[name] > 0 for name in ("syn", "ack", "gre", "junk", "relayed", "random", "existing")):
            yield f"wave 2 at {pop}: {vectors}"


def check_controls():
    """The flash crowd is ten times the load; the muted resolvers storm, and are answered again."""
    unit = played()[2]["unit_qps"]
    if not 9 * 4 * unit < phase("P8")["honest_qps"] < 12 * 4 * unit:
        yield f"flash crowd: {phase('P8')['honest_qps']} queries/s"
    if phase("P9")["tries_per_resolution"] < 1.4 or phase("P9")["first_rate"] < 0.97:
        yield f"retry storm: {phase('P9')}"


def check_reload():
    """New names and a new zone are taken up during P0, and answered to everybody."""
    card = played()[2]
    for what in ("reload", "new_zone"):
        if not card[what]["ok"]:
            yield f"{what}: {card[what]}"
    if card["fresh_rate"] is None or card["fresh_rate"] < 0.99:
        yield f"{card['fresh_rate']} of the first tries for new names"


def check_real_resolvers():
    """Unbound and Knot Resolver are there, and their users get answers in peace."""
    for name, seconds in played()[1].facts["stubs"].items():
        peace = [second for second in seconds if second["t"] < 10]
        asked, answered = (sum(second[key] for second in peace) for key in ("asked", "answered"))
        if asked < 50 or answered < 0.95 * asked:
            yield f"{name}: {answered} of {asked}"


def check_own_account():
    """The generator says of itself what it could not do, and nothing went where it should not."""
    own = played()[1].recording["own"]
    if own["not_ours"] or own["no_route"] or own["events_lost"]:
        yield json.dumps({key: value for key, value in own.items() if not isinstance(value, list)})


def interrupted(number, moment):
    before = traces.seen()
    with tempfile.TemporaryDirectory() as out, subprocess.Popen(
            [*DRILL, "--phases", "P2", "--profile", "smoke", "--out", out], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True) as process:
        time.sleep(moment)
        spaces = traces.process_namespaces(traces.descendants(process.pid))
        # Ctrl-C on a terminal interrupts everything in the foreground.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        process.wait(LIMIT_S)
    if more := traces.left_for_good(before, spaces, LIMIT_S):
        yield f"{number.name} after {moment:.2f} s leaves {more}"


def check_interrupted():
    """Ctrl-C, SIGTERM or SIGKILL at a random moment leaves no namespace, interface, process or BPF program."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        yield from interrupted(number, random.uniform(0.2, 9))


if __name__ == "__main__":
    tap.run(globals())
