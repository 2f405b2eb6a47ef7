# SPDX-License-Identifier: GPL-3.0-or-later
"""script/bench --live: zones that change, beside the other servers. See docs/benchmarks.md.

Three sessions, each with every server anew in every round: a secondary of a million names (axfr-in, ixfr-in, ixfr-near,
restart-1m), a primary under updates (update-latency, update-rate), 100,000 small zones (zones-100k).
"""

import datetime
import json
import os
import pathlib
import statistics
import subprocess
import time

import lab
import live_servers
import servers
import zones

NAMES, CHANGES = 1_000_000, 10_000
TRANSFERS, CHANGE_ROUNDS = 3, 3
WINDOW = 192  # as in run.py
HOLD = 128  # queries in flight; with what the transfer sends, less than the 256 packets that the link holds
FULL_S = 0.5
LOAD_BEFORE_S = 0.5
# Seawall asks a primary for one zone at most every 2 s, however often it is notified.
STEP_S = 2.5
UPDATE_S, UPDATE_CLIENTS = 3.0, 32
UPDATED_ZONE = ("bench.test", "small")
MANY_ZONES, MANY_DIRECTORY = 100_000, "many"
IDLE_SHARE, IDLE_S, IDLE_LIMIT_S = 0.05, 0.25, 60

IXFR_PARTS = (("ixfr-in", "spread"), ("ixfr-near", "near"))  # which names change
ROWS = ("axfr-in", "ixfr-in", "ixfr-near", "restart-1m", "update-latency", "update-rate", "zones-100k")
SESSIONS = (("secondary", ("axfr-in", "ixfr-in", "ixfr-near", "restart-1m"), live_servers.SECONDARIES),
            ("updates", ("update-latency", "update-rate"), live_servers.UPDATED),
            ("many", ("zones-100k",), live_servers.MANY))


class Source:
    """The primary of the transfers (primary.py), in the generator's namespace and on its core."""

    def __init__(self, lab_):
        script = pathlib.Path(__file__).resolve().parent / "primary.py"
        self.process = lab.start(
            lab_.generator_command("chrt", "--fifo", 5, "/usr/bin/python3", script, live_servers.ORIGIN, NAMES, CHANGES,
                                   lab.CLIENT, lab.SERVER),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise servers.ServerFailed("the primary of the bench has ended")
        reply = json.loads(line)
        if "failure" in reply:
            raise servers.ServerFailed(reply["failure"])
        return reply

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._line()


# ---- what is common ----


def cpu_ns(lab_, server):
    """Run time of the server's threads and of the kernel thread that receives for it."""
    total = 0
    for process in [lab_.napi_process, *server.processes()]:
        try:
            for thread in os.listdir(f"/proc/{process}/task"):
                total += int(pathlib.Path(f"/proc/{process}/task/{thread}/schedstat").read_text().split()[0])
        except OSError:
            continue  # it has ended meanwhile
    return total


def idle_wait(lab_, server):
    """Until what goes on behind the answers, such as writing, is over."""
    end, before = time.monotonic() + IDLE_LIMIT_S, cpu_ns(lab_, server)
    while time.monotonic() < end:
        time.sleep(IDLE_S)
        now = cpu_ns(lab_, server)
        if now - before < IDLE_SHARE * IDLE_S * 1e9:
            return
        before = now


def announce(lab_, server, source):
    """The version that is published: how long until it is answered, and the CPU time of all that it entails."""
    before = cpu_ns(lab_, server)
    figures = source.ask(do="announce")
    figures["cpu_s"] = (cpu_ns(lab_, server) - before) / 1e9
    idle_wait(lab_, server)
    figures["cpu_whole_s"] = (cpu_ns(lab_, server) - before) / 1e9
    return figures


def generate(arguments, lab_, server, *words):
    return lab.start(lab_.generator_command(
        arguments.build / "bench" / "generator", "--interface", lab_.generator_interface, "--server", lab.SERVER,
        "--server-mac", lab_.server_mac, "--server-core", lab.SERVER_CORE, "--edns", "--expect", "answer",
        "--query", f"h%.{live_servers.ORIGIN}", "--count", NAMES, "--account", lab_.napi_process,
        *(word for process in server.processes() for word in ("--account", process)), *words),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def generated(generator):
    output, errors = generator.communicate()
    if generator.returncode:
        raise servers.ServerFailed(errors.strip()[-500:])
    return json.loads(output)


# ---- a secondary ----


def axfr_measure(lab_, server, source):
    runs = []
    for _ in range(TRANSFERS):
        time.sleep(STEP_S)
        source.ask(do="publish", part="whole")
        runs.append(announce(lab_, server, source))
    return {"records": NAMES + 2 * CHANGES + 6, "runs": runs}


def ixfr_measure(arguments, lab_, server, source, part):
    """Changes under half of the load that it can bear, and the same load without changes beside it."""
    # without --poll, which the load cannot have either: it takes less of the server's core
    full = generated(generate(arguments, lab_, server, "--closed", WINDOW, "--seconds", FULL_S))
    rate = int(full["right"] * 1e9 / full["elapsed_ns"] / 2)
    seconds = LOAD_BEFORE_S + STEP_S * CHANGE_ROUNDS
    # Whatever stops the server's core for half a millisecond fills the link: what is held back meanwhile is not lost
    # there, and neither are the transfer's own packets.
    load = ("--rate", rate, "--hold", HOLD, "--drain", "--warmup", 0, "--seconds", seconds)
    runs, loads, idle = [], [], []
    for _ in range(CHANGE_ROUNDS):
        source.ask(do="publish", part=part)
        begin = time.monotonic()
        idle.append(announce(lab_, server, source))
        time.sleep(max(0, STEP_S - (time.monotonic() - begin)))
    # Interrupts go before programs; the thread that stands for them here must, too.
    lab.command("chrt", "--fifo", "--pid", 10, lab_.napi_process)
    try:
        for is_changing in (False, True):
            if is_changing:
                source.ask(do="publish", part=part)
            generator = generate(arguments, lab_, server, *load)
            time.sleep(LOAD_BEFORE_S)
            for number in range(CHANGE_ROUNDS if is_changing else 0):
                begin = time.monotonic()
                if number:
                    source.ask(do="publish", part=part)
                runs.append(source.ask(do="announce"))
                time.sleep(max(0, STEP_S - (time.monotonic() - begin)))
            loads.append(generated(generator))
    finally:
        lab.command("chrt", "--other", "--pid", 0, lab_.napi_process)
        os.setpriority(os.PRIO_PROCESS, lab_.napi_process, -20)
    sent_per_s = loads[1]["sent"] * 1e9 / loads[1]["elapsed_ns"]
    idle_s = statistics.median(run["seconds"] for run in idle)
    return {"rate": rate, "sent_per_s": sent_per_s, "runs": runs, "idle": idle, "idle_s": idle_s,
            "quiet": loads[0], "load": loads[1]}


def restart_measure(lab_, server, source):
    """From its own state, with nobody to ask."""
    server.flush()
    idle_wait(lab_, server)
    server.stop()
    source.ask(do="away", is_away=True)
    try:
        server.start({live_servers.ORIGIN: None}, is_again=True)
    finally:
        source.ask(do="away", is_away=False)
    return {"seconds": server.load_s}


def secondary_measure(arguments, lab_, server, wanted):
    rows = {}
    with Source(lab_) as source:
        source.ask(do="publish", part="whole")
        server.start({live_servers.ORIGIN: None})
        rows["first"] = {"seconds": server.load_s}
        idle_wait(lab_, server)
        if "axfr-in" in wanted:
            rows["axfr-in"] = axfr_measure(lab_, server, source)
        for key, part in IXFR_PARTS:
            if key in wanted:
                rows[key] = ixfr_measure(arguments, lab_, server, source, part)
        if "restart-1m" in wanted:
            rows["restart-1m"] = restart_measure(lab_, server, source)
    return rows


# ---- updates ----


def updates_measure(arguments, lab_, server, wanted):
    origin, set_name = UPDATED_ZONE
    server.start({origin: zones.zones_of(arguments.build, set_name)[origin]})
    rows = {}
    for key, words in (("update-latency", ("--ask", "--sync", server.state)),
                       ("update-rate", ("--clients", UPDATE_CLIENTS))):
        if key not in wanted:
            continue
        before = cpu_ns(lab_, server)
        done = lab.start(lab_.generator_command(
            arguments.build / "bench" / "updater", "--server", lab.SERVER, "--zone", origin,
            "--key", live_servers.KEY, "--secret", live_servers.SECRET, "--seconds", UPDATE_S, *words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        rows[key] = generated(done)
        rows[key]["cpu_s"] = (cpu_ns(lab_, server) - before) / 1e9
    return rows


# ---- many zones ----


def many_zones(build):
    """Files of so many zones: {origin: file}."""
    directory = pathlib.Path(build) / "bench" / "zones" / MANY_DIRECTORY
    found = {f"z{number:06d}.test": directory / f"z{number:06d}.test" for number in range(MANY_ZONES)}
    if not (directory / "whole").exists():
        directory.mkdir(parents=True, exist_ok=True)
        for number, (origin, file) in enumerate(found.items()):
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            file.write_text(f"$ORIGIN {origin}.\n@\t3600\tIN\tSOA\tns1 hostmaster 1 7200 3600 1209600 300\n"
                            f"@\t3600\tIN\tNS\tns1\nns1\t3600\tIN\tA\t{address}\nwww\t3600\tIN\tA\t{address}\n"
                            f"@\t3600\tIN\tMX\t10 www\n")
        (directory / "whole").write_text("")
    return found


def many_measure(arguments, lab_, server, _):
    many = many_zones(arguments.build)
    before = cpu_ns(lab_, server)
    server.start(many)
    figures = {"seconds": server.load_s, "cpu_s": (cpu_ns(lab_, server) - before) / 1e9}
    if isinstance(server, live_servers.ManySeawallLive):
        # the first time it writes what the files say; from then on only what has changed
        idle_wait(lab_, server)
        server.stop()
        server.start(many, is_again=True)
        figures["again_s"] = server.load_s
    return {"zones-100k": figures}


MEASURES = {"secondary": secondary_measure, "updates": updates_measure, "many": many_measure}


# ---- all of it ----


def session_run(arguments, lab_, session, server_class, wanted):
    server = server_class(lab_, arguments.build, arguments.build / "bench" / "state" / f"{session}-{server_class.name}")
    result = {"session": session, "server": server.name, "rows": {}}
    try:
        result["rows"] = MEASURES[session](arguments, lab_, server, wanted)
    except (servers.ServerFailed, subprocess.CalledProcessError, TimeoutError, OSError) as failure:
        result["failure"] = str(failure) + (getattr(failure, "stderr", None) or "")
        print(f"  failed: {result['failure']}; {server.output_tail()}", flush=True)
    finally:
        server.stop()
    return result


def measure(arguments, machine):
    """All figures."""
    chosen, results, versions = arguments.servers.split(","), [], {}
    with lab.Lab(arguments.build) as lab_:
        for round_number in range(1, arguments.runs + 1):
            for session, keys, classes in SESSIONS:
                wanted = [key for key in keys if key in arguments.rows.split(",")]
                for server_class in classes if wanted else ():
                    probe = server_class(lab_, arguments.build, arguments.build)
                    is_chosen = server_class.name in chosen or server_class.name == "seawall-live" and "seawall" in chosen
                    if not is_chosen or not probe.is_installed():
                        continue
                    print(f"round {round_number} of {arguments.runs}: {session}, {server_class.name}", flush=True)
                    versions[server_class.name] = probe.version()
                    results.append({"round": round_number,
                                    **session_run(arguments, lab_, session, server_class, wanted)})
    return {"date": datetime.date.today().isoformat(), "machine": machine, "versions": versions,
            "runs": arguments.runs, "live": results}


# ---- what it says ----


class Figures:
    """Medians over all runs of all rounds."""

    def __init__(self, data):
        self.data = data
        self.servers = list(dict.fromkeys(result["server"] for result in data["live"]))

    def _rows(self, server, key):
        for result in self.data["live"]:
            if result["server"] == server and key in result["rows"]:
                yield result["rows"][key]

    def median(self, server, key, *path):
        """Of a value in a row, or of a value in each of its runs."""
        values = []
        for row in self._rows(server, key):
            for one in row["runs"] if "runs" in row and path[0] not in row else [row]:
                for name in path:
                    one = one.get(name) if one is not None else None
                if one is not None:
                    values.append(one)
        return statistics.median(values) if values else None

    def worst(self, server, key, *path):
        values = []
        for row in self._rows(server, key):
            for one in row["runs"] if "runs" in row and path[0] not in row else [row]:
                for name in path:
                    one = one[name]
                values.append(one)
        return max(values) if values else None

    def rate(self, server, key):
        values = [row["updates"] / row["seconds"] for row in self._rows(server, key)]
        return statistics.median(values) if values else None

    def lost(self, server, key, which):
        """Queries without the right answer, the most of any round."""
        values = [row[which]["sent"] - row[which]["right"] for row in self._rows(server, key)]
        return max(values) if values else None


def cell(value, form, factor=1):
    return "" if value is None else form.format(value * factor)


def ixfr_lines(title, key):
    return ((title, "{:.0f} ms", lambda f, s: scaled(f.median(s, key, "idle_s"), 1e3)),
            ("  under load: until answered", "{:.0f} ms", lambda f, s: scaled(f.median(s, key, "seconds"), 1e3)),
            ("  the slowest", "{:.0f} ms", lambda f, s: scaled(f.worst(s, key, "seconds"), 1e3)),
            ("  queries/s meanwhile", "{:,.0f}", lambda f, s: f.median(s, key, "sent_per_s")),
            ("  of them lost", "{:,.0f}", lambda f, s: f.lost(s, key, "load")),
            ("  lost without changes", "{:,.0f}", lambda f, s: f.lost(s, key, "quiet")))


LINES = (
    ("AXFR in, 1M records: until answered", "{:.2f} s", lambda f, s: f.median(s, "axfr-in", "seconds")),
    ("  longest silence", "{:.0f} ms", lambda f, s: scaled(f.median(s, "axfr-in", "silence_s"), 1e3)),
    ("  CPU until answered", "{:.2f} s", lambda f, s: f.median(s, "axfr-in", "cpu_s")),
    ("  CPU until written", "{:.2f} s", lambda f, s: f.median(s, "axfr-in", "cpu_whole_s")),
    *ixfr_lines("IXFR in, 10,000 names far apart, without load", "ixfr-in"),
    *ixfr_lines("IXFR in, 10,000 names side by side, without load", "ixfr-near"),
    ("restart of 1M from own state", "{:.2f} s", lambda f, s: f.median(s, "restart-1m", "seconds")),
    ("update: until acknowledged, median", "{:.2f} ms",
     lambda f, s: scaled(f.median(s, "update-latency", "acked_us", "median"), 1e-3)),
    ("  99 %", "{:.2f} ms", lambda f, s: scaled(f.median(s, "update-latency", "acked_us", "p99"), 1e-3)),
    ("  from there until answered, median", "{:.3f} ms",
     lambda f, s: scaled(f.median(s, "update-latency", "seen_us", "median"), 1e-3)),
    ("  99 %", "{:.3f} ms", lambda f, s: scaled(f.median(s, "update-latency", "seen_us", "p99"), 1e-3)),
    ("  a sync of the disk, median", "{:.2f} ms",
     lambda f, s: scaled(f.median(s, "update-latency", "sync_us", "median"), 1e-3)),
    ("  99 %", "{:.2f} ms", lambda f, s: scaled(f.median(s, "update-latency", "sync_us", "p99"), 1e-3)),
    ("updates/s, 32 clients", "{:,.0f}", lambda f, s: f.rate(s, "update-rate")),
    ("  CPU of each", "{:.0f} us", lambda f, s: update_cpu_us(f, s)),
    ("  not acknowledged", "{:.0f}", lambda f, s: plus(f.worst(s, "update-rate", "failed"),
                                                       f.worst(s, "update-rate", "unanswered"))),
    ("start with 100,000 zones", "{:.2f} s", lambda f, s: f.median(s, "zones-100k", "seconds")),
    ("  and again, from own state", "{:.2f} s", lambda f, s: f.median(s, "zones-100k", "again_s")),
)


def scaled(value, factor):
    return None if value is None else value * factor


def plus(*values):
    return None if None in values else sum(values)


def update_cpu_us(figures, server):
    cpu, updates = (figures.median(server, "update-rate", key) for key in ("cpu_s", "updates"))
    return cpu / updates * 1e6 if cpu and updates else None


def table_lines(figures):
    yield ["", *figures.servers]
    for title, form, value in LINES:
        values = [value(figures, server) for server in figures.servers]
        if any(value is not None for value in values):
            yield [title, *(cell(value, form) for value in values)]


def goals(figures):
    """What, measured, at most or at least, limit."""
    own, median = "seawall", figures.median
    taken = median(own, "axfr-in", "seconds")
    for peer in ("knot", "nsd"):
        other = median(peer, "axfr-in", "seconds")
        if taken and other:
            yield f"axfr-in: time over {peer}'s", taken / other, "<=", 1
    for key, _ in IXFR_PARTS:
        yield f"{key}: ms until answered, the median", scaled(median(own, key, "seconds"), 1e3), "<=", 150
        yield f"{key}: queries lost", figures.lost(own, key, "load"), "<=", 0
    yield "restart-1m: s", median(own, "restart-1m", "seconds"), "<=", 3
    seen, acked = (median(own, "update-latency", key, "p99") for key in ("seen_us", "acked_us"))
    sync = median(own, "update-latency", "sync_us", "p99")
    yield "update-latency: ms from acknowledged to answered, 99 %", scaled(seen, 1e-3), "<=", 2
    if None not in (seen, acked, sync):
        yield "update-latency: ms from sent to answered beyond a sync, 99 % each", (seen + acked - sync) / 1e3, "<=", 2
    yield "update-rate: updates/s", figures.rate(own, "update-rate"), ">=", 2000
    yield "zones-100k: s, not live", median(own, "zones-100k", "seconds"), "<=", 10
    yield "zones-100k: s, live, the first time", median("seawall-live", "zones-100k", "seconds"), "<=", 10
    yield "zones-100k: s, live, again", median("seawall-live", "zones-100k", "again_s"), "<=", 10


def goal_lines(figures):
    yield ["", "measured", "wanted", ""]
    for what, value, sense, limit in goals(figures):
        if value is None:
            continue
        reached = value <= limit if sense == "<=" else value >= limit
        yield [what, f"{value:,.2f}", f"{sense} {limit:,}", "ok" if reached else "MISSED"]


def print_all(data, print_lines):
    figures, where = Figures(data), data["machine"]
    print(f"\n{where['cpu']}, {where['cores']} cores, Linux {where['kernel']}, {data['date']}; medians of "
          f"{data['runs']} rounds")
    print(", ".join(f"{name} {version}" for name, version in data["versions"].items()) + "\n")
    print_lines(table_lines(figures))
    print("\nSet out to reach:\n")
    print_lines(goal_lines(figures))
