#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Side-by-side runs of Seawall and other authoritative servers; one table. See docs/benchmarks.md.

Every round starts each server anew with each set of zones, so that a slow moment of the machine falls on all of them,
and the medians over the rounds are what the table shows.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import cost
import lab
import live
import memory
import report
import rows
import servers
import zones

WINDOW = 192  # a veth ring holds 256 frames
FLOOD_BATCH = 256
FRAMES = 65_536  # for BPF_PROG_RUN, gone through in turn
REPEAT = 200_000


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.splitlines()[0],
                                     epilog="Example: script/bench --servers seawall,knot-xdp,nsd --rows hits-1k,flood")
    names = [server.name for server in servers.ALL]
    keys = [row.key for row in rows.ROWS]
    parser.add_argument("--quick", action="store_true", help="one short round: a first impression in two minutes")
    parser.add_argument("--guard", action="store_true",
                        help="instead: what a packet costs, by kind, and what guarding adds (three minutes)")
    parser.add_argument("--live", action="store_true",
                        help=f"instead: zones that change, by rows {', '.join(live.ROWS)} (four minutes a round)")
    parser.add_argument("--servers", default=",".join(names), metavar="A,B", help=f"of {', '.join(names)}")
    parser.add_argument("--rows", metavar="A,B", help=f"of {', '.join(keys)}")
    parser.add_argument("--runs", type=int, help="rounds (5; 1 with --quick; 3 with --live)")
    parser.add_argument("--seconds", type=float, help="measured time of each row (1.0; 0.3 with --quick)")
    parser.add_argument("--build", default="build", help="build directory (build)")
    parser.add_argument("--json", metavar="FILE",
                        help="where the figures go (BUILD/bench/results.json; with --guard guard.json, with --live live.json)")
    arguments = parser.parse_args()
    arguments.build = pathlib.Path(arguments.build).resolve()
    arguments.guard_runs = arguments.runs
    arguments.runs = arguments.runs or (1 if arguments.quick else 3 if arguments.live else 5)
    arguments.seconds = arguments.seconds or (0.3 if arguments.quick else 1.0)
    arguments.warmup = 0.2 if arguments.quick else 0.4
    name = "guard.json" if arguments.guard else "live.json" if arguments.live else "results.json"
    arguments.json = arguments.json or arguments.build / "bench" / name
    keys = live.ROWS if arguments.live else keys
    arguments.rows = arguments.rows or ",".join(keys)
    unknown = [key for key in arguments.rows.split(",") if key not in keys]
    if unknown:
        parser.error(f"no row called {', '.join(unknown)}; there are {', '.join(keys)}")
    return arguments


def generator_words(arguments, lab_, row, server):
    words = [arguments.build / "bench" / "generator", "--interface", lab_.generator_interface,
             "--server", lab.SERVER, "--server-mac", lab_.server_mac, "--server-core", lab.SERVER_CORE,
             "--query", row.query, "--count", row.count, *row.flags,
             "--seconds", arguments.seconds, "--warmup", arguments.warmup]
    if isinstance(server, servers.Reflector):
        words += ["--expect", "nodata", "--echo"]
    else:
        words += ["--expect", row.expect]
    if row.is_flood:
        words += ["--open", "--batch", FLOOD_BATCH, "--honest", rows.HONEST_QUERY,
                  "--honest-count", rows.HONEST_COUNT, "--honest-one-in", rows.HONEST_ONE_IN]
    else:
        words += ["--closed", WINDOW] + (["--poll"] if server.answers_in_kernel else [])
    for process in [lab_.napi_process, *server.processes()]:
        words += ["--account", process]
    return words


def row_measure(arguments, lab_, row, server):
    generator = lab.start(lab_.generator_command(*generator_words(arguments, lab_, row, server)),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = generator.communicate()
    if generator.returncode:
        raise servers.ServerFailed(f"{server.name}, {row.key}: {errors.strip()[-500:]}")
    return json.loads(output)


def program_measure(arguments, lab_, row, server):
    """The program alone, by BPF_PROG_RUN on queries of this row: ns for each packet."""
    shown = lab.command("ip", "-n", lab_.server_namespace, "-details", "link", "show", lab_.server_interface)
    program = re.search(r"prog/xdp id (\d+)", shown).group(1)
    frames = arguments.build / "bench" / "frames"
    lab.command(arguments.build / "bench" / "generator", "--server", lab.SERVER, "--server-mac", lab_.server_mac,
                "--query", row.query, "--count", row.count, *row.flags, "--dump", frames, "--dump-count", FRAMES)
    shown = lab.command("taskset", "-c", lab.SERVER_CORE, arguments.build / "bench" / "progrun",
                        "--packets", frames, "--id", program, "--repeat", REPEAT)
    cost_ns, action = re.search(r"measured program.* median +(-?\d+) ns +(\S+)", shown).groups()
    if action != "tx":
        raise servers.ServerFailed(f"{server.name}, {row.key}: the program alone said {action}, not tx")
    return int(cost_ns)


def xdp_check(lab_, server):
    """A row under the name of an XDP server must not be measured without XDP."""
    shown = lab.command("ip", "-n", lab_.server_namespace, "-details", "link", "show", lab_.server_interface)
    if server.uses_xdp != ("prog/xdp" in shown):
        raise servers.ServerFailed(f"{server.name}: XDP is {'not ' if server.uses_xdp else ''}attached")


def server_measure(arguments, lab_, server, set_name, wanted):
    """One server with one set of zones: load time, memory and all rows."""
    result = {"server": server.name, "zones": set_name, "rows": {}}
    try:
        server.start(zones.zones_of(arguments.build, set_name))
        xdp_check(lab_, server)
        if server.load_s is not None:
            result["load_s"] = server.load_s
            result["process_bytes"], result["map_bytes"] = memory.server_bytes(server.processes())
        for row in wanted:
            result["rows"][row.key] = row_measure(arguments, lab_, row, server)
            if server.answers_in_kernel and not row.is_flood:
                result["rows"][row.key]["program_ns"] = program_measure(arguments, lab_, row, server)
    except (servers.ServerFailed, subprocess.CalledProcessError, OSError) as failure:
        result["failure"] = str(failure) + (getattr(failure, "stderr", None) or "")
        print(f"  failed: {result['failure']}", file=sys.stderr)
    finally:
        server.stop()
    return result


def sets_wanted(arguments):
    """The sets of zones that the wanted rows need, with those rows."""
    keys = arguments.rows.split(",")
    wanted = {}
    for row in rows.ROWS:
        if row.key in keys and not (arguments.quick and row.seawall_only):
            wanted.setdefault(row.zones, []).append(row)
    return wanted


def rounds_run(arguments, lab_, classes):
    state = arguments.build / "bench" / "state"
    results = []
    for round_number in range(1, arguments.runs + 1):
        for set_name, wanted in sets_wanted(arguments).items():
            for server_class in classes:
                is_seawall = issubclass(server_class, servers.Seawall)
                is_reflector = server_class is servers.Reflector
                if wanted[0].seawall_only and not is_seawall or is_reflector and set_name != "small":
                    continue
                print(f"round {round_number} of {arguments.runs}: {set_name}, {server_class.name}", file=sys.stderr)
                server = server_class(lab_, arguments.build, state / server_class.name)
                chosen = wanted[:1] if is_reflector else wanted
                results.append({"round": round_number, **server_measure(arguments, lab_, server, set_name, chosen)})
    return results


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith(("model name", "cpu family"))]
    return {"cpu": " ".join(models[1:2] + ["family", models[0]]) if len(models) > 1 else "?",
            "cores": os.cpu_count(), "kernel": os.uname().release,
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def installed(arguments, lab_):
    classes, missing = [], []
    for server_class in servers.by_name(arguments.servers.split(",")):
        server = server_class(lab_, arguments.build, arguments.build)
        (classes if server.is_installed() else missing).append(server_class)
    if missing:
        print("bench: not installed, left out: " + ", ".join(c.name for c in missing), file=sys.stderr)
    return classes


def main():
    arguments = parse_arguments()
    if os.geteuid():
        sys.exit("bench: root is needed, for network namespaces and XDP")
    # An orderly end, so that namespaces and servers go away with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.live:
        return live_run(arguments)
    return guard_run(arguments) if arguments.guard else servers_run(arguments)


def guard_run(arguments):
    figures = cost.measure(arguments.build, machine(), arguments.guard_runs)
    pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")
    cost.print_all(figures, report.print_table)
    print(f"\nAll figures: {arguments.json}")
    return 0


def live_run(arguments):
    figures = live.measure(arguments, machine())
    pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")
    live.print_all(figures, report.print_table)
    print(f"\nAll figures: {arguments.json}")
    return 1 if any("failure" in result for result in figures["live"]) else 0


def servers_run(arguments):
    with lab.Lab(arguments.build) as lab_:
        classes = installed(arguments, lab_)
        for set_name in sets_wanted(arguments):
            zones.zones_of(arguments.build, set_name)
        results = rounds_run(arguments, lab_, classes)
        versions = {c.name: c(lab_, arguments.build, arguments.build).version() for c in classes}
    figures = {"date": datetime.date.today().isoformat(), "machine": machine(), "versions": versions,
               "runs": arguments.runs, "seconds": arguments.seconds, "results": results}
    pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")
    report.print_all(figures)
    print(f"\nAll figures: {arguments.json}")
    return 1 if any("failure" in result for result in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
