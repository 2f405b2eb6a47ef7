# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the drill, read from its directory: recording.json by the traffic program, run.json by the drill.

Every honest resolution has one first try, and all counts belong to the second in which that was sent.

Here are the sums over both, and the few statistics that everything else is built from. Two rules hold throughout:

A share of nothing is None, never 100 %.

A share is judged only where at least FEWEST of what it counts may go wrong before it misses its limit: of 99 % over
500 packets, of 99.9 % over 5,000. Else three lost packets decide, and a server that loses one in a thousand by chance
would be blamed in most runs: with 500 packets in a cell it is blamed in one of 100 runs of 1,000 cells.
"""

import functools
import itertools
import json
import math
import operator
import pathlib

FEWEST = 5
BUCKETS_PER_DOUBLING = 4
STRAY = 0.01  # of the most that is sent in a second: no attack yet
BURST_GAP_S = 5  # an attack that pauses for less than this goes on
KINDS = ("udp4", "udp6", "tcp", "cookie", "new")  # groups of the honest that are shown beside one another

TITLES = {
    "P0": "peace",
    "P1": "probing",
    "P2": "wave 1",
    "P3": "lull",
    "P4": "wave 2",
    "P5": "tail",
    "P6": "wave 3",
    "P7": "long, low",
    "P8": "flash crowd",
    "P9": "retry storm",
    "P10": "poisoned",
}


def phase_title(name):
    return f"{name} {TITLES[name]}" if name in TITLES else name


class Run:
    """The recording and the facts of one run. Per-second series are lists; their index is the second."""

    def __init__(self, recording, facts=None):
        self.recording = recording
        self.facts = facts or {}
        self._sums = {}
        self.pops = recording["pops"]
        self.classes = recording["classes"]
        self.phases = {
            phase["name"]: range(int(phase["start_s"]), int(phase["end_s"])) for phase in recording["phases"]
        }
        ends = [seconds.stop for seconds in self.phases.values()]
        self.length_s = max([math.ceil(recording.get("length_s", 0)), *ends])
        self.waves = [
            (wave["phase"], range(int(wave["start_s"]), int(wave["end_s"]))) for wave in recording.get("waves", [])
        ]

    @property
    def server(self):
        return self.facts.get("server", "unknown server")

    @property
    def name(self):
        """The server and its version, as titles name it."""
        return " ".join(filter(None, (self.server, self.facts.get("version"))))

    @property
    def schedule(self):
        """What two runs must share for their seconds to be compared."""
        return tuple((name, seconds.start, seconds.stop) for name, seconds in self.phases.items())

    @functools.cached_property
    def played(self):
        """The seconds of all phases."""
        return [second for seconds in self.phases.values() for second in seconds]

    @functools.cached_property
    def muted(self):
        """Seconds whose honest queries the lab itself leaves without answer (P9), and the one before, whose last
        answers are caught by it."""
        return {second for span in self.recording.get("muted", [])
                for second in range(int(span["start_s"]) - 1, math.ceil(span["end_s"]))}

    def audible(self, seconds):
        return [second for second in seconds if second not in self.muted]

    def honest(self, field, pop=None, kind=None):
        """A field of the honest population in each second: of a POP and a retry class, by index, or of all."""
        return self._sum("honest", field, {"pop": pop, "class": kind})

    def attack(self, pop=None, vector=None):
        """Attack packets sent in each second."""
        return self._sum("vectors", "sent", {"pop": pop, "vector": vector})

    def under_attack(self, pop=None, vector=None):
        """Whether each second is one of attack: the few packets that were still under way at the end are none."""
        sent = self.attack(pop, vector)
        least = max(sent, default=0) * STRAY
        return [count > least for count in sent]

    @functools.cached_property
    def vectors(self):
        """In the order in which the recording names them."""
        return list(dict.fromkeys(entry["vector"] for entry in self.recording.get("vectors", [])))

    @functools.cached_property
    def groups(self):
        """Other ways to divide the same resolutions: {"tcp": {"resolutions": [...], "first_ok": [...]}, ...}."""
        return {name: {field: self._padded(series) for field, series in fields.items()}
                for name, fields in self.recording.get("groups", {}).items()}

    @property
    def kinds(self):
        return [name for name in KINDS if name in self.groups]

    @functools.cached_property
    def to_attackers(self):
        """Packets sent to endpoints of the attack in each second."""
        return self._padded((self.recording.get("to_attackers") or {}).get("packets", []))

    def touched(self, pop=None):
        """Honest packets refused or truncated in each second."""
        return [sum(pair) for pair in zip(self.honest("refused", pop), self.honest("truncated", pop))]

    def lost_on_link(self, phase, field):
        """Share of the honest that the links to the POPs lost in a phase: "lost" on the way there, "replies_lost" back.

        The links do not say whose packets they lose, so the honest are taken to lose as large a share as all others: at
        each POP by itself, and then over all, by how much is asked there. None where nobody has counted.
        """
        counted = ((self.facts.get("links") or {}).get("per_phase") or {}).get(phase)
        if not counted:
            return None
        carried = {"lost": "sent", "replies_lost": "replies"}[field]
        asked = [total(self.honest("resolutions", pop), self.phases[phase]) for pop in range(len(self.pops))]
        lost = [share(counted[name][field], counted[name][field] + counted[name][carried]) or 0 for name in self.pops]
        return share(sum(map(operator.mul, asked, lost)), sum(asked))

    def latency(self, phase, pop=None):
        """Histogram of the answered first tries."""
        counts = [entry["counts"] for entry in self.recording.get("latency_us", [])
                  if entry["phase"] == phase and pop in (None, entry["pop"])]
        return [sum(column) for column in itertools.zip_longest(*counts, fillvalue=0)]

    def _padded(self, series):
        return (list(series) + [0] * self.length_s)[: self.length_s]

    def _sum(self, part, field, which):
        """A field in each second, summed over the entries of a part of the recording that are wanted."""
        key = (part, field, *which.values())
        if key not in self._sums:
            series = [entry[field] for entry in self.recording.get(part, [])
                      if all(wanted in (None, entry[name]) for name, wanted in which.items())]
            padding = [0] * self.length_s
            self._sums[key] = [sum(column) for column in itertools.zip_longest(padding, *series, fillvalue=0)]
        return self._sums[key]


def load(directory):
    """The run in a directory. run.json may be missing: then nothing was reported."""
    directory = pathlib.Path(directory)
    recording = json.loads((directory / "recording.json").read_text(encoding="utf-8"))
    facts = directory / "run.json"
    return Run(recording, json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else None)


def by_server(runs):
    """Runs of the same server and version together, in order of appearance."""
    groups = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    return groups


def share(part, whole):
    return part / whole if whole else None


def total(series, seconds):
    return sum(series[second] for second in seconds)


def enough(limit):
    """How many packets it takes to judge a share by this limit."""
    return math.ceil(round(FEWEST / min(limit, 1 - limit), 6))


def windows(sent, good, seconds, fewest):
    """Consecutive seconds joined until each window holds enough: [(seconds, sent, good)].

    What is left at the end joins the last window; if all of it is too little, there is none.
    """
    found, pending = [], []
    for second in seconds:
        pending.append(second)
        if total(sent, pending) >= fewest:
            found.append(pending)
            pending = []
    if pending and found:
        found[-1] += pending
    return [(window, total(sent, window), total(good, window)) for window in found]


def quantile(counts, part):
    """Of a histogram over quarter doublings of a microsecond, placed geometrically within its bucket."""
    whole = sum(counts)
    if not whole:
        return None
    wanted, below = part * whole, 0
    for bucket, count in enumerate(counts):
        if count and below + count >= wanted:
            return 2 ** ((bucket + (wanted - below) / count) / BUCKETS_PER_DOUBLING)
        below += count
    return 2 ** (len(counts) / BUCKETS_PER_DOUBLING)


def nearest_rank(values, part):
    """The smallest value that this part of all does not exceed: of fewer than 20 values, the 95 % one is the worst."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(round(part * len(ordered), 6)) - 1)] if ordered else None


def spans(active, first, last, gap=BURST_GAP_S):
    """Runs of seconds in [first, last) in which something is active, over pauses shorter than the gap."""
    found = []
    for second in range(first, last):
        if active[second]:
            if found and second - found[-1].stop < gap:
                found[-1] = range(found[-1].start, second + 1)
            else:
                found.append(range(second, second + 1))
    return found
