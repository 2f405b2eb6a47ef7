# SPDX-License-Identifier: GPL-3.0-or-later
"""What script/bench --guard makes of its figures, and that each packet it measures leaves as its row says."""

import json
import os
import subprocess
import sys

import tap

BUILD = os.environ["SW_BUILD"]
sys.path.insert(0, str(tap.ROOT / "bench"))
sys.dont_write_bytecode = True
import cost  # noqa: E402  pylint: disable=wrong-import-position
import run  # noqa: E402  pylint: disable=wrong-import-position


def row(group="peace", **programs):
    return {"key": "k", "title": "row", "group": group, "ns": programs}


def same(what, found, wanted):
    if abs(found - wanted) > 1e-9:
        yield f"{what}: {found}, not {wanted}"


def check_alone():
    """What measuring costs is subtracted round by round, before the median is taken."""
    # the medians of 105 and 20 would give 85
    yield from same("cost", cost.alone_ns(row(seawall=[110, 105, 100], nothing=[20, 30, 5]), "seawall"), 90)


def check_ratio():
    """A ratio is the median of the rounds' own: a slow round falls on both programs."""
    yield from same("slow round", cost.ratio(row(seawall=[110, 1100, 110], bare=[100, 1000, 100]), "bare"), 1.1)
    yield from same("one disturbed", cost.ratio(row(seawall=[150, 900, 150], bare=[100, 100, 100]), "bare"), 1.5)
    measured = row(seawall=[30, 30, 30], senseless=[20, 20, 20], nothing=[10, 10, 10])
    yield from same("what measuring costs is in neither", cost.ratio(measured, "senseless"), 2)


def check_sampling():
    """Samples are ordered as the guard orders them."""
    for rate, every in ((0, 1), (4_999, 1), (5_000, 2), (100_000, 21), (1_000_000, 201)):
        yield from same(f"{rate} packets/s", cost.sample_every(rate), every)


def figures(peace, never, worst):
    flat = {"bare": [100] * 3, "look": [100] * 3, "stack": [900] * 3}
    alone = {"nothing": [0] * 3, "look": [1] * 3}
    return {
        "program": {"rows": [row("peace", seawall=[peace] * 3, quiet=[100] * 3, senseless=[100] * 3, nothing=[0] * 3),
                             row("never", seawall=[9] * 3, bare=[1] * 3, **alone),
                             row("worst", seawall=[worst] * 3, nothing=[0] * 3)]},
        "way": {"rows": [row("never", seawall=[never] * 3, **flat)]}}


def check_goals():
    """What was missed is told, each by its own limit."""
    for measured, wanted in (((110, 150, 20_000), ["ok", "ok", "ok"]), ((111, 150, 20_000), ["MISSED", "ok", "ok"]),
                             ((110, 151, 20_000), ["ok", "MISSED", "ok"]), ((110, 150, 20_100), ["ok", "ok", "MISSED"])):
        found = [line[-1] for line in cost.goal_lines(figures(*measured))][1:]
        if found != wanted:
            yield f"{measured}: {found}, not {wanted}"


def check_tables():
    """Every line of a table has as many cells as its head."""
    for lines in (cost.peace_lines, cost.attack_lines, cost.never_lines):
        head, *rest = lines(figures(110, 150, 1))
        if not rest or any(len(line) != len(head) for line in rest):
            yield f"{lines.__name__}: {head}, {rest}"


def check_program():
    """Every packet leaves with the verdict of its row, and every row is measured with all that it is held against."""
    rows = cost.program_measure(run.pathlib.Path(BUILD), rounds=1)["rows"]
    held = {"peace": {"seawall", "quiet", "senseless", "nothing"}, "attack": {"seawall", "nothing"},
            "never": {"seawall", "bare", "look", "nothing"}, "worst": {"seawall", "nothing"}}
    for name, programs in held.items():
        of_group = [r for r in rows if r["group"] == name]
        if not of_group:
            yield f"no row of {name}"
        yield from (f"{r['key']}: {sorted(r['ns'])}" for r in of_group if set(r["ns"]) != programs)


def check_way():
    """The whole way in, packets that are never legitimate cost less than the stack takes for them."""
    rows = cost.way_measure(run.pathlib.Path(BUILD), rounds=3)["rows"]
    if not rows:
        yield "no rows"
    for measured in rows:
        if cost.ratio(measured, "stack") >= 1:
            yield f"{measured['key']}: {json.dumps(measured['ns'])}"


def check_refusals():
    """Without zones, or with an interface and no sender, nothing is measured."""
    zones = ["--zones", str(cost.TEST_ZONES)]
    for words in ([], zones + ["--rounds", "0"], zones + ["--interface", "lo"], zones + ["--rounds", "1000"]):
        done = subprocess.run([f"{BUILD}/bench/cost", *words], check=False, capture_output=True)
        if done.returncode != 2:
            yield f"{words}: {done.returncode}"


if __name__ == "__main__":
    tap.run(globals())
