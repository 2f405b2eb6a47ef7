# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: the lab is built, a server started at its POPs, the traffic let loose, and everything taken down again."""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import progress
import resolvers
import servers
import topology

RELOAD_AT = 0.25  # of P0
MEMORY_EVERY_S = 10
END_LIMIT_S = 60  # for the traffic program to write its recording
STATE = pathlib.Path("/run/drill")  # configurations and logs: inside the warden's namespaces, and gone with them


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is played, the same for all servers and seeds."""

    profile: str
    scenario: pathlib.Path
    phases: list  # of the scenario, as they are in its file
    unit_qps: int
    is_dry: bool
    build: pathlib.Path

    @property
    def counts_sources(self):
        """Whether very many sources are tried: then memory is looked at meanwhile."""
        return any(flow["vector"] == "sources" for phase in self.phases for flow in phase.get("flows", []))

    @property
    def killed(self):
        """{"pop", "at", "restart"} of the one process that is killed, in seconds of the whole; None without."""
        for phase in self.phases:
            if killed := phase.get("killed"):
                begin = self.begin_of(phase["name"])
                return {"pop": killed["pop"], **{moment: begin + killed[moment] for moment in ("at", "restart")}}
        return None

    @property
    def length_s(self):
        return sum(phase["seconds"] for phase in self.phases)

    def begin_of(self, name):
        """Second in which a phase begins; None when it is not played."""
        begin = 0
        for phase in self.phases:
            if phase["name"] == name:
                return begin
            begin += phase["seconds"]
        return None

    def phase_at(self, second):
        """Name of the phase that a second belongs to; None behind the last."""
        end = 0
        for phase in self.phases:
            end += phase["seconds"]
            if second < end:
                return phase["name"]
        return None


class Cores:
    """How busy the two cores were, and how long the machine below took them away, between one look and the next."""

    def __init__(self):
        self.before = self._read()
        self.shares = []

    @staticmethod
    def _read():
        lines = pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines()
        cores = {}
        for line in lines:
            name, *ticks = line.split()
            if name in ("cpu0", "cpu1"):
                ticks = [int(tick) for tick in ticks[:8]]
                # idle, waiting, and what keeps a core awake (topology.Lab); stolen; all
                cores[name] = (ticks[1] + ticks[3] + ticks[4], ticks[7], sum(ticks))
        return cores

    def look(self, second):
        now = self._read()
        row = {"t": second}
        for name, (idle, stolen, whole) in now.items():
            core, (idle_before, stolen_before, whole_before) = name.replace("cpu", "core"), self.before[name]
            spent = whole - whole_before
            row[core] = round(1 - (idle - idle_before) / spent, 3) if spent else None
            row[f"{core}_stolen"] = round((stolen - stolen_before) / spent, 3) if spent else None
        self.before = now
        self.shares.append(row)


def traffic_words(plan, zones, seed, directory):
    links = ",".join(link.here for link in topology.LINKS)
    words = [plan.build / "lab" / "traffic", "--scenario", plan.scenario, "--names", zones.names,
             "--phases", ",".join(phase["name"] for phase in plan.phases), "--victim", zones.victim, "--links", links,
             "--unit", plan.unit_qps, "--seed", seed, "--out", directory / "recording.json"]
    if plan.begin_of("P0") is not None:
        words += ["--fresh", zones.fresh]
    return words + (["--dry"] if plan.is_dry else [])


def traffic_start(lab, plan, zones, seed, directory):
    traffic = lab.start_piped("inet", topology.WORLD_CORE, traffic_words(plan, zones, seed, directory),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    topology.favour(traffic)
    return traffic


class Reload(threading.Thread):
    """New names and a new zone, taken up by all POPs while the traffic goes on."""

    def __init__(self, fleet, zones):
        super().__init__(daemon=True)
        self.fleet, self.zones = fleet, zones
        self.result = None
        self.bytes_after = None  # memory once everything that will be served is there

    def run(self):
        lines = servers.read_lines(self.zones.fresh)
        try:
            self.result = self.fleet.reload(self.zones.after, lines)
        except topology.LabFailed as failure:
            failed = {"ok": False, "seconds": None, "error": str(failure)}
            self.result = {"reload": failed, "new_zone": failed}
        self.bytes_after = self.fleet.memory_bytes()


class Outage(threading.Thread):
    """A server that is killed at one POP and started again later, as the plan says; waits for the first second."""

    def __init__(self, fleet, killed):
        super().__init__(daemon=True)
        self.fleet, self.killed = fleet, killed
        self.begin = None
        self.moments = {}  # since 1970
        self.error = None

    def start_at(self, begin):
        """@param begin  second 0, of time.time()"""
        self.begin = begin
        self.start()

    def run(self):
        self._wait("at")
        server = self.fleet.kill(self.killed["pop"])
        self.moments["at"] = time.time()
        self._wait("restart")
        self.moments["restart"] = time.time()
        try:
            server.restart(self.fleet.zones)
            self.moments["ready"] = time.time()
        except (topology.LabFailed, subprocess.TimeoutExpired) as failure:
            self.error = str(failure)

    def _wait(self, moment):
        time.sleep(max(0, self.begin + self.killed[moment] - time.time()))

    def result(self, started):
        """@param started  second 0 of the recording, since 1970"""
        if not self.ident:
            return None
        return {"pop": self.killed["pop"], "ready": None, "error": self.error,
                **{moment: round(when - started, 3) for moment, when in self.moments.items()}}


def traffic_follow(traffic, plan, fleet, zones, show):
    """Follow the traffic until it ends. @return what the cores did, reload, outage, what was counted and sampled"""
    cores, reload_, outage = Cores(), Reload(fleet, zones), Outage(fleet, plan.killed)
    counts = {name: PerPhase(read, plan.phase_at(0)) for name, read in
              (("links", fleet.lab.link_counters), ("refusals", fleet.refused))}  # what takes no time first
    sizes, begin = [], None
    peace_begin = plan.begin_of("P0")
    peace_s = next((phase["seconds"] for phase in plan.phases if phase["name"] == "P0"), 0)
    for line in traffic.stdout:
        live = json.loads(line)
        begin = begin or time.time() - live["t"]
        if plan.killed and not outage.ident:
            outage.start_at(begin)
        cores.look(live["t"] - 1)
        show.second(live)
        for count in counts.values():
            count.phase_is(plan.phase_at(live["t"]))
        # Last, and with its own time: where both cores are full it takes seconds.
        if plan.counts_sources and live["t"] % MEMORY_EVERY_S == 0:
            sizes.append({**fleet.memory_parts(), "t": round(time.time() - begin, 1)})
        if peace_begin is not None and live["t"] >= peace_begin + RELOAD_AT * peace_s and not reload_.ident:
            reload_.start()
    if reload_.ident:
        reload_.join(servers.RELOAD_LIMIT_S + END_LIMIT_S)
    if outage.ident:
        outage.join(servers.START_LIMIT_S * len(topology.SERVICE))
    _, errors = traffic.communicate(timeout=END_LIMIT_S)
    if traffic.returncode:
        raise topology.LabFailed(errors.strip() or f"the traffic program ended with status {traffic.returncode}")
    return cores.shares, reload_, outage, sizes, {name: count.result() for name, count in counts.items()}


def started(directory):
    """Second 0 of a recording, since 1970."""
    return json.loads((directory / "recording.json").read_text(encoding="ascii"))["started"]


def events_told(fleet, start):
    """What the nodes recognised, in the recording's seconds; None when they say nothing."""
    told = fleet.events()
    if told is None:
        return None, None
    events = [{**{key: event[key] for key in ("type", "vector", "rate_pps", "zone") if key in event}, "pop": pop,
               "t": round(event["time"] - start, 2), "noticed": round(event["noticed"] - start, 2)}
              for pop, event in told]
    # A wave of the fleet is what a node calls a wave, while at least one does.
    waves, open_at = 0, set()
    for event in sorted(events, key=lambda event: event["t"]):
        if event["type"] == "wave":
            waves += not open_at
            open_at.add(event["pop"])
        elif event["type"] == "wave_over":
            open_at.discard(event["pop"])
    return events, waves


class PerPhase:
    """What counters have counted in each phase."""

    def __init__(self, read, phase):
        """@param read  returns a number, or a dictionary of such; None where nothing is counted"""
        self.read, self.phase, self.before = read, phase, read()
        self.per_phase = {}

    def phase_is(self, phase):
        """Called at the end of each second with the phase of the next one; reads the counters where a phase ends."""
        if self.before is None or phase == self.phase:
            return
        now = self.read()
        if self.phase:
            self.per_phase[self.phase] = difference(now, self.before)
        self.before, self.phase = now, phase

    def result(self):
        return None if self.before is None else {"per_phase": self.per_phase}


def difference(now, before):
    if isinstance(now, dict):
        return {name: difference(now[name], before[name]) for name in now}
    return now - before


def play(warden, plan, zones, name, seed, directory):
    """Play one run. The recording is left in the directory. @return facts for run.json"""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    show = progress.Progress(sys.stderr, name, seed, plan.length_s)
    show.say("building the lab")
    setup = servers.Setup(unit_qps=plan.unit_qps, will_kill=bool(plan.killed))
    with topology.Lab(warden, plan.build, STATE / "lab") as lab, \
            servers.Fleet(name, lab, plan.build, STATE / name, setup) as fleet:
        lab.wait_announced()
        show.say(f"starting {name} at {len(topology.POPS)} POPs")
        fleet.start(zones.before)
        before_bytes, engine = fleet.memory_bytes(), fleet.engine()
        with resolvers.Users(lab, STATE / "users", servers.read_lines(zones.names), seed) as users:
            traffic = traffic_start(lab, plan, zones, seed, directory)
            users.start(time.monotonic())
            try:
                cpu, reload_, outage, sizes, counts = traffic_follow(traffic, plan, fleet, zones, show)
            finally:
                traffic.kill()
                traffic.wait()
            stubs = users.finish()
        reloaded = reload_.result or {}
        events, waves = (None, None) if outage.error else events_told(fleet, started(directory))
        facts = {"server": name, "version": fleet.version(), "seed": seed, "profile": plan.profile,
                 "engine": engine, "is_dry": plan.is_dry,
                 "memory": {"before_bytes": reload_.bytes_after or before_bytes, "after_bytes": fleet.memory_bytes(),
                            "samples": sizes},
                 "cpu": cpu,
                 "reload": reloaded.get("reload"), "new_zone": reloaded.get("new_zone"), "transfer": None,
                 "stubs": stubs, "events": events, "waves": waves,
                 "killed": outage.result(started(directory)), **counts}
    show.end()
    return facts
