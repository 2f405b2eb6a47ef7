#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dyn-class attack on four POPs, with ground truth and a score card. See docs/drill.md.

Everything happens in namespaces that are made for it and go with it: nothing is sent to or from this machine.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import sys

import compare
import page
import play
import recording
import score
import servers
import topology
import warden
import zones

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
UNIT_QPS = 2000
# With --kill: the POP under attack from the beginning, and when, as shares of wave 2.
KILLED_PHASE, KILLED_POP, KILLED_AT, RESTART_AT = "P4", "us-east", 0.2, 0.32
ZONES_SEED = 1


class Refused(Exception):
    """The command line asks for what cannot be; the text says why."""


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="script/drill", description=__doc__.splitlines()[0],
        epilog="Example: script/drill --server nsd --phases P0,P2 --seed 2")
    parser.add_argument("--server", default="seawall", choices=list(servers.ALL), help="who stands at the POPs (seawall)")
    parser.add_argument("--compare", action="store_true", help="all servers, one after the other, and one table")
    parser.add_argument("--servers", metavar="A,B", help="with --compare: only these")
    parser.add_argument("--profile", default="small", metavar="NAME",
                        help=f"of {', '.join(profiles())}: how long the phases are (small)")
    parser.add_argument("--phases", metavar="P0-P3,P9",
                        help="only these, 'smoke' for the profile of a minute; P10 is played only when it is named")
    parser.add_argument("--seed", default="1", metavar="N[-M]", help="the same seed makes the same traffic; a run for each (1)")
    parser.add_argument("--unit", type=int, default=UNIT_QPS, metavar="QPS",
                        help=f"L, honest queries per second at one POP in peace ({UNIT_QPS}); the attack grows with it")
    parser.add_argument("--kill", action="store_true",
                        help=f"kill -9 the server at {KILLED_POP} in {KILLED_PHASE}, and start it again seconds later")
    parser.add_argument("--dry", action="store_true",
                        help="make the attack's packets but do not send them: what the generator itself costs")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="where the results go (build/drill)")
    return parser.parse_args()


def profiles():
    return sorted(path.stem for path in (HERE / "scenarios").glob("*.json"))


def phases_chosen(wanted, known):
    """"P0-P2,P9" as a list of names, in the order of the scenario."""
    chosen = set()
    for part in wanted.split(","):
        match = re.fullmatch(r"P(\d+)(?:-P?(\d+))?", part)
        if not match:
            raise Refused(f"--phases: {part!r} is neither a phase nor a range of phases, such as P2 or P0-P3")
        first, last = int(match[1]), int(match[2] or match[1])
        chosen |= {f"P{number}" for number in range(first, last + 1)}
    missing = chosen - set(known)
    if missing:
        raise Refused(f"--phases: no {', '.join(sorted(missing))} in this profile; there are {', '.join(known)}")
    return [name for name in known if name in chosen]


def seeds_chosen(text):
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match or int(match[2] or match[1]) < int(match[1]):
        raise Refused(f"--seed: {text!r} is neither a number nor a range such as 1-3")
    return range(int(match[1]), int(match[2] or match[1]) + 1)


def plan_of(arguments):
    """What is to be played, from the command line."""
    profile = "smoke" if arguments.phases == "smoke" else arguments.profile
    if profile not in profiles():
        raise Refused(f"--profile: no {profile!r}; there are {', '.join(profiles())}")
    scenario = HERE / "scenarios" / f"{profile}.json"
    phases = json.loads(scenario.read_text(encoding="ascii"))["phases"]
    known = [phase["name"] for phase in phases]
    if arguments.phases and arguments.phases != "smoke":
        chosen = phases_chosen(arguments.phases, known)
    else:
        chosen = [phase["name"] for phase in phases if not phase.get("optional")]
    phases = [phase for phase in phases if phase["name"] in chosen]
    if arguments.kill:
        phases = with_kill(phases)
    if not 1 <= arguments.unit <= 100_000:
        raise Refused(f"--unit: {arguments.unit} is not between 1 and 100000")
    return play.Plan(profile=profile, scenario=scenario, phases=phases,
                     unit_qps=arguments.unit, is_dry=arguments.dry, build=BUILD)


def with_kill(phases):
    """The phases, in one of which a server is killed."""
    if KILLED_PHASE not in [phase["name"] for phase in phases]:
        raise Refused(f"--kill: {KILLED_PHASE}, in which it happens, is not played")
    return [{**phase, "killed": {"pop": KILLED_POP, "at": KILLED_AT * phase["seconds"],
                                 "restart": RESTART_AT * phase["seconds"]}}
            if phase["name"] == KILLED_PHASE else phase for phase in phases]


def names_of_servers(arguments):
    if not arguments.compare:
        return [arguments.server]
    names = arguments.servers.split(",") if arguments.servers else list(servers.ALL)
    unknown = [name for name in names if name not in servers.ALL]
    if unknown:
        raise Refused(f"--servers: no {', '.join(unknown)}; there are {', '.join(servers.ALL)}")
    return names


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    model = re.search(r"model name\s*: (.*)", text)
    return {"cpu": model[1] if model else "?", "cores": os.cpu_count(), "kernel": os.uname().release}


def results_show(directories, out):
    """Scores, page and table of what was played."""
    runs = [recording.load(directory) for directory in directories]
    cards = [score.score(run) for run in runs]
    for directory, card in zip(directories, cards):
        (directory / "score.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    (out / "index.html").write_text(page.page(runs), encoding="utf-8")
    print()
    if len(recording.by_server(runs)) > 1:
        print(score.table_text(compare.Comparison(runs).lines()))
    elif len(runs) > 1:
        score.print_summary(score.summary(cards))
    else:
        score.print_score(cards[0])
    print(f"\nPage: {out / 'index.html'}")


def run_all(arguments, plan, names, seeds):
    out = (arguments.out or BUILD / "drill").resolve()
    out.mkdir(parents=True, exist_ok=True)
    made = zones.make(BUILD / "lab-zones", ZONES_SEED)
    guard = warden.Warden()
    directories = []
    for name in names:
        for seed in seeds:
            directory = out / f"{name}-{seed}"
            facts = play.play(guard, plan, made, name, seed, directory)
            facts |= {"machine": machine(), "date": datetime.date.today().isoformat()}
            (directory / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            directories.append(directory)
    results_show(directories, out)


def main():
    arguments = parse_arguments()
    try:
        plan, names, seeds = plan_of(arguments), names_of_servers(arguments), seeds_chosen(arguments.seed)
    except Refused as refused:
        print(f"script/drill: {refused}", file=sys.stderr)
        return 2
    if not warden.is_inside():
        return warden.confine([sys.executable, *sys.argv])
    try:
        run_all(arguments, plan, names, seeds)
    except topology.LabFailed as failure:
        print(f"script/drill: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
