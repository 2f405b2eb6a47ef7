# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings that no drill made: plausible ones of servers that do not exist, for the tests of the score and the page.

    python3 tests/lab/synthetic.py DIR    writes DIR/SERVER-SEED/{recording,run}.json for all models and three seeds

What becomes of a packet follows from one share of loss for each second and POP, which depends on the model alone.
"""

import dataclasses
import json
import math
import pathlib
import random
import statistics
import sys

POPS = ["us-east", "us-west", "eu", "apac"]
CLASSES = ["patient", "doubling", "quick", "relentless"]
SHARES = [0.40, 0.30, 0.25, 0.05]  # of honest resolutions
TRIES_IN_5S = [3, 4, 3, 5]
TRIES_AT_MOST = [6, 9, 12, 40]
LENGTHS = {"P0": 60, "P1": 10, "P2": 50, "P3": 15, "P4": 50, "P5": 10, "P6": 40, "P7": 15, "P8": 20, "P9": 30}
WAVES = ("P2", "P4", "P6")
MUTED = range(2, 7)  # seconds of P9
FIELDS = ("resolutions", "first_ok", "resolved", "tries", "wrong", "truncated", "refused", "unanswered")
VECTORS = ["syn", "ack", "gre", "junk", "relayed", "random", "existing", "spoofed", "scan", "sources"]
FIRST = {"syn": 30, "ack": 5, "gre": 5, "junk": 5, "scan": 0.2}
# (phase, from second, POPs, multiples of L of each vector)
ATTACK = [
    ("P1", 0, [1, 2, 3], {"syn": 3, "junk": 1}),
    ("P2", 0, [0], FIRST),
    ("P4", 0, [0, 1, 2, 3], {"syn": 20, "ack": 3, "gre": 3, "junk": 2, "relayed": 10}),
    ("P4", 18, [0, 1, 2, 3], {"syn": 20, "gre": 3, "junk": 2, "relayed": 10, "random": 4}),
    ("P4", 34, [0, 1, 2, 3], {"syn": 20, "ack": 3, "relayed": 10, "random": 4, "existing": 3}),
    ("P5", 0, [0, 1, 2, 3], {"syn": 3, "random": 2}),
    ("P6", 0, [0], FIRST),
    ("P6", 15, [0, 1, 2, 3], {"syn": 15, "ack": 5, "gre": 3, "junk": 5, "relayed": 5, "random": 6, "existing": 6,
                              "spoofed": 3}),
    ("P7", 0, [0, 1, 2, 3], {"syn": 2, "relayed": 0.5}),
]


@dataclasses.dataclass(frozen=True)
class Model:
    """A server: packets of L it can bear, what it lets go at an onset, whether it throttles, what it states."""

    name: str
    version: str
    capacity: float
    base_us: float
    onset_loss: tuple = ()
    throttles: bool = False
    states: bool = False


MODELS = {
    model.name: model
    for model in (
        Model("seawall", "0.1.0", 120, 90, onset_loss=(0.06, 0.02), states=True),
        Model("knot", "3.2.6", 34, 160),
        Model("nsd", "4.6.1", 12, 190),
        Model("bind", "9.18.24", 7, 260, throttles=True),
    )
}


class Recorder:
    """Makes the recording of one model and seed."""

    def __init__(self, model, seed=1, unit_qps=2000, phases=tuple(LENGTHS)):
        self.model, self.seed, self.unit_qps = model, seed, unit_qps
        self.random = random.Random(f"{model.name} {seed}")
        self.phases = {}
        start = 0
        for name in phases:
            self.phases[name] = range(start, start + LENGTHS[name])
            start += LENGTHS[name]
        self.length_s = start
        self.sent = self._attack()

    def whole(self, value):
        """A whole number near a value, above or below it by chance."""
        return math.floor(value + self.random.random())

    def phase_of(self, second):
        return next((name, second - seconds.start) for name, seconds in self.phases.items() if second in seconds)

    def _attack(self):
        sent = {(vector, pop): [0] * self.length_s for vector in VECTORS for pop in range(4)}
        for phase, begin, pops, parts in ATTACK:
            later = [other[1] for other in ATTACK if other[0] == phase and other[1] > begin]
            seconds = self.phases.get(phase, range(0))
            for second in seconds[begin : min(later, default=len(seconds))]:
                at = second - seconds.start
                rise = min(1, (at + 1) / 4) if phase in WAVES else 1
                burst = 0.55 if phase == "P2" and at < 20 and at % 6 in (4, 5) else 1
                fall = 1 - at / 11 if phase == "P5" else 1
                for pop in pops:
                    for vector, multiple in parts.items():
                        swing = self.random.uniform(0.96, 1.04)
                        sent[vector, pop][second] = int(multiple * self.unit_qps * rise * burst * fall * swing)
        return sent

    def load(self, second, pop):
        """What reaches the server, in multiples of L."""
        honest = 10 if self.phase_of(second)[0] == "P8" else 1
        return honest + sum(self.sent[vector, pop][second] for vector in VECTORS) / self.unit_qps

    def loss(self, second, pop):
        """Share of honest packets that get no answer in time."""
        phase, at = self.phase_of(second)
        if phase == "P9" and at in MUTED:
            return 1
        load = self.load(second, pop)
        drowned = max(0, 1 - self.model.capacity / load) * self.random.uniform(0.92, 1)
        is_known = phase == "P6"
        if phase in WAVES and load > 5 and at < len(self.model.onset_loss) - is_known:
            drowned = max(drowned, self.model.onset_loss[at])
        return drowned

    def cut(self, second, pop):
        """Shares of honest packets that a server which throttles refuses, and truncates."""
        if not self.model.throttles or self.load(second, pop) < 4:
            return 0, 0
        return (0.02, 0.15) if self.phase_of(second)[0] == "P8" else (0.004, 0.06)

    def honest(self):
        losses = [[self.loss(second, pop) for second in range(self.length_s)] for pop in range(4)]
        for pop in range(4):
            for kind, part in enumerate(SHARES):
                series = {field: [] for field in FIELDS}
                for second in range(self.length_s):
                    counts = self._second(second, pop, kind, part, losses[pop][second])
                    for field in FIELDS:
                        series[field].append(counts[field])
                yield {"pop": pop, "class": kind, **series}

    def _second(self, second, pop, kind, part, loss):
        busy = 10 if self.phase_of(second)[0] == "P8" else 1
        count = int(part * self.unit_qps * busy * self.random.uniform(0.97, 1.03))
        refuses, truncates = self.cut(second, pop)
        lost = min(count, self.whole(count * loss))
        tries = self.whole(count * sum(loss**n for n in range(TRIES_AT_MOST[kind])))
        refused, truncated = self.whole(tries * refuses), self.whole(tries * truncates)
        return {
            "resolutions": count,
            "first_ok": max(0, count - lost - min(refused, count)),
            "resolved": count - min(count, self.whole(count * loss ** TRIES_IN_5S[kind] * 0.97)),
            "tries": max(count, tries),
            "wrong": 0,
            "truncated": truncated,
            "refused": refused,
            "unanswered": max(count, tries) - (count - lost),
        }

    def latency(self, pop, phase):
        """Log-normal, slower the nearer the load is to what the server can bear."""
        seconds = self.phases[phase]
        load = max(self.load(second, pop) for second in seconds)
        strain = min(load / self.model.capacity, 1.5)
        middle = math.log2(self.model.base_us * (1 + 1.2 * strain**2) * self.random.uniform(0.98, 1.02)) * 4
        part = statistics.NormalDist(middle, 1.6 + 2 * strain**2).cdf
        counts = [round(len(seconds) * self.unit_qps * (part(bucket + 1) - part(bucket))) for bucket in range(80)]
        return {"pop": pop, "phase": phase, "counts": counts}

    def group(self, part, honest, power=1):
        """A part of the resolutions, whose first tries suffer as others do, or by a power more."""
        found = {}
        for field in FIELDS:
            found[field] = [int(part * sum(column)) for column in zip(*(entry[field] for entry in honest))]
        found["first_ok"] = [int(sent * (good / max(1, sent)) ** power + 1e-6)
                             for sent, good in zip(found["resolutions"], found["first_ok"])]
        return found

    def recording(self):
        honest = list(self.honest())
        attack = [sum(column) for column in zip(*self.sent.values())]
        return {
            "seed": self.seed, "unit_qps": float(self.unit_qps), "length_s": float(self.length_s),
            "pops": POPS, "classes": CLASSES,
            "phases": [{"name": name, "start_s": float(seconds.start), "end_s": float(seconds.stop)}
                       for name, seconds in self.phases.items()],
            "honest": honest,
            "groups": {
                name: self.group(part, honest, power) for name, part, power in
                (("top100", 0.3, 1), ("new", 0.02, 1), ("fresh", 0.01, 1), ("udp4", 0.64, 1), ("udp6", 0.33, 1),
                 ("tcp", 0.03, 2), ("cookie", 0.1, 1))
            },
            "muted": [{"start_s": self.phases["P9"].start + MUTED.start, "end_s": self.phases["P9"].start + MUTED.stop}]
            if "P9" in self.phases else [],
            "latency_us": [self.latency(pop, phase) for pop in range(4) for phase in self.phases],
            "vectors": [{"vector": vector, "pop": pop, "sent": sent} for (vector, pop), sent in self.sent.items()],
            "to_attackers": {"packets": [rate // 40 for rate in attack], "bytes": [rate * 2 for rate in attack]},
            "own": {"missed": [self.whole(rate * 0.0004) for rate in attack],
                    **dict.fromkeys(("ring_full", "slots_full", "tcp_full", "events_lost", "no_route"), 0),
                    "late_ms_max": [round(self.random.expovariate(1) * (1 + rate / 1e5), 2) for rate in attack]},
            "waves": [{"phase": name, "start_s": self.phases[name].start, "end_s": self.phases[name].stop}
                      for name in WAVES if name in self.phases],
            "endpoints": {"total": 10000, "used": 9612},
        }

    def run(self):
        """The run file; a model that states nothing leaves its part null."""
        facts = {
            "server": self.model.name, "version": self.model.version, "seed": self.seed, "profile": "small",
            "date": "2026-11-25", "engine": "native XDP" if self.model.states else "sockets",
            "machine": {"cpu": "AMD EPYC 9R45", "cores": 2, "kernel": "6.18.5", "memory_bytes": 8 << 30},
            "memory": {"before_bytes": 84_300_000, "after_bytes": 84_900_000 + 40_000_000 * self.model.throttles},
            "cpu": [{"t": second, "core0": self._busy(second), "core1": self.random.uniform(0.55, 0.75)}
                    for second in range(self.length_s)],
            "reload": {"ok": True, "seconds": 0.4}, "new_zone": {"ok": True, "seconds": 0.2}, "transfer": None,
            "stubs": {name: [self._asked(second) for second in range(self.length_s)]
                      for name in ("unbound", "knot-resolver")},
            "events": None, "refusals": None, "killed": self._killed(),
        }
        if self.model.states:
            facts.update(self._stated())
        return facts

    def _killed(self):
        """A server that is killed in the second wave, and serves on."""
        if "P4" not in self.phases:
            return None
        at = self.phases["P4"].start + 10
        return {"pop": "us-east", "at": at + 0.1, "restart": at + 6.1, "ready": at + 7.4, "error": None}

    def _busy(self, second):
        load = sum(self.load(second, pop) for pop in range(4))
        return min(1, 0.04 + load / (self.model.capacity * 2.2) * self.random.uniform(0.95, 1.05))

    def _asked(self, second):
        loss = sum(self.loss(second, pop) for pop in range(4)) / 4
        return {"t": second, "asked": 20, "answered": 20 - self.whole(20 * loss**4 * 0.99)}

    def _stated(self):
        return {
            "events": list(self._events()),
            "waves": sum(name in self.phases for name in WAVES),
            "refusals": {"per_phase": {name: 0 for name in self.phases}},
            "estimate": {"endpoints": 9920, "low": 9100, "high": 10700, "naive": 41800},
            "roles": {"f1": 0.94},
            "post_mortem": {"seconds": 12.5, "untraced": 0},
            "evidence": {"cases": 40, "found": 40},
            "recorder": {"stated_loss": 0.031, "true_loss": 0.024},
        }

    def _events(self):
        """An event 0.7 s after each true beginning and 0.4 s after each end."""
        for (vector, pop), sent in self.sent.items():
            was = 0
            for second, count in enumerate([*sent, 0]):
                if bool(count) != bool(was):
                    kind, delay = ("onset", 0.7) if count else ("vector_ended", 0.4)
                    yield {"t": second + delay, "type": kind, "pop": POPS[pop], "vector": vector}
                was = count


def make(server="seawall", **options):
    """(recording, facts) of a model."""
    recorder = Recorder(MODELS[server], **options)
    return recorder.recording(), recorder.run()


def write(directory, contents):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, part in zip(("recording.json", "run.json"), contents):
        (directory / name).write_text(json.dumps(part), encoding="utf-8")
    return directory


def main():
    for name in MODELS:
        for seed in (1, 2, 3):
            write(pathlib.Path(sys.argv[1]) / f"{name}-{seed}", make(name, seed=seed))


if __name__ == "__main__":
    main()
