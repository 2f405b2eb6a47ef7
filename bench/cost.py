# SPDX-License-Identifier: GPL-3.0-or-later
"""script/bench --guard: what a packet costs, by kind, and what sensing and guarding add. See docs/benchmarks.md.

Programs that are compared run in turn, round by round, so that a slow moment of the machine falls on all of them: a
ratio is the median of the rounds' own ratios, not one of medians.
"""

import datetime
import json
import pathlib
import statistics
import subprocess

import lab
import zones

HERE = pathlib.Path(__file__).resolve().parent
TEST_ZONES = HERE.parent / "tests" / "bpf" / "zones"
PROGRAM_ROUNDS, PROGRAM_REPEAT = 41, 10_000
WAY_ROUNDS, WAY_REPEAT = 11, 100_000
# As the guard orders samples (src/guard/guard.c): 20,000 a second, of which one verdict has a quarter.
SAMPLES_PPS = 20_000 / 4
PEACE_PPS = 100_000

PEACE_MAX = 1.1
NEVER_MAX = 1.5
WORST_MAX_NS = 20_000


def sample_every(packets_per_second):
    """One sample of so many packets that all leave the same way."""
    share = packets_per_second / SAMPLES_PPS
    return 1 if share < 1 else int(share + 1)


def alone_ns(row, program):
    """The program alone: what measuring costs is measured in every round, and subtracted."""
    return statistics.median(whole - nothing for whole, nothing in zip(row["ns"][program], row["ns"]["nothing"]))


def ratio(row, base, nothing="nothing"):
    """Seawall's cost over another program's, both without what measuring costs, where that is known."""
    costs, bases = row["ns"]["seawall"], row["ns"][base]
    empty = row["ns"].get(nothing, [0] * len(costs))
    return statistics.median((cost - less) / (other - less) for cost, other, less in zip(costs, bases, empty))


def peace_lines(figures):
    yield ["peace: program alone", "seawall", "no samples", "no sensing", "ratio"]
    for row in group(figures["program"], "peace"):
        yield [row["title"], *(f"{alone_ns(row, name):,.0f} ns" for name in ("seawall", "quiet", "senseless")),
               f"{ratio(row, 'senseless'):.2f}"]


def attack_lines(figures):
    yield ["attack: program alone", "seawall"]
    for name in ("attack", "worst"):
        for row in group(figures["program"], name):
            yield [row["title"], f"{alone_ns(row, 'seawall'):,.0f} ns"]


def never_lines(figures):
    """The whole way first: it is what is judged."""
    alone = {row["key"]: row for row in group(figures["program"], "never")}
    yield ["never legitimate", "whole way in", "plain drop", "drop that looks", "left to the stack", "ratio",
           "program alone", "drop that looks"]
    for row in group(figures["way"], "never"):
        middle = {name: statistics.median(values) for name, values in row["ns"].items()}
        yield [row["title"], *(f"{middle[name]:,.0f} ns" for name in ("seawall", "bare", "look", "stack")),
               f"{ratio(row, 'bare'):.2f}", f"{alone_ns(alone[row['key']], 'seawall'):,.0f} ns",
               f"{alone_ns(alone[row['key']], 'look'):,.0f} ns"]


def group(figures, name):
    return [row for row in figures["rows"] if row["group"] == name]


def goals(figures):
    """What, measured, at most."""
    for row in group(figures["program"], "peace"):
        yield f"{row['title']}: over the program without sensing", ratio(row, "senseless"), PEACE_MAX
    for row in group(figures["way"], "never"):
        yield f"{row['title']}: whole way in, over a plain XDP_DROP", ratio(row, "bare"), NEVER_MAX
    for row in group(figures["program"], "worst"):
        yield f"{row['title']}: microseconds", alone_ns(row, "seawall") / 1000, WORST_MAX_NS / 1000


def goal_lines(figures):
    yield ["", "measured", "wanted", ""]
    for what, value, limit in goals(figures):
        yield [what, f"{value:.2f}", f"<= {limit:g}", "ok" if value <= limit else "MISSED"]


def print_all(figures, print_lines):
    where = figures["machine"]
    print(f"\n{where['cpu']}, {where['cores']} cores, Linux {where['kernel']}, {figures['date']}; medians of "
          f"{figures['program']['rounds']} rounds, of the whole way {figures['way']['rounds']}")
    print(f"In peace one sample in {figures['program']['every']}, at {PEACE_PPS:,} packets a second of the kind.")
    for lines in (peace_lines, attack_lines, never_lines):
        print()
        print_lines(lines(figures))
    print("\nSet out to reach:\n")
    print_lines(goal_lines(figures))


def cost_run(words):
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {done.stderr.strip()}")
    return json.loads(done.stdout)


def program_measure(build, rounds):
    worst = zones.zones_of(build, "worst")["worst.test"].parent
    return cost_run(["taskset", "-c", lab.SERVER_CORE, build / "bench" / "cost", "--zones", TEST_ZONES,
                     "--worst", worst, "--every", sample_every(PEACE_PPS), "--rounds", rounds,
                     "--repeat", PROGRAM_REPEAT])


def way_measure(build, rounds):
    with lab.Lab(build) as lab_:
        return cost_run(["ip", "netns", "exec", lab_.server_namespace, "taskset", "-c", lab.GENERATOR_CORE,
                         build / "bench" / "cost", "--zones", TEST_ZONES,
                         "--interface", lab_.server_interface, "--sender", lab_.generator_namespace,
                         "--sender-interface", lab_.generator_interface, "--receiver", lab_.napi_process,
                         "--rounds", rounds, "--repeat", WAY_REPEAT])


def measure(build, machine, runs=None):
    """All figures. `runs`: rounds of both, instead of the usual numbers."""
    return {"date": datetime.date.today().isoformat(), "machine": machine,
            "program": program_measure(build, runs or PROGRAM_ROUNDS),
            "way": way_measure(build, runs or WAY_ROUNDS)}
