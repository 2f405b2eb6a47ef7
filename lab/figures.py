# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the drill's page: which series stand in them, on which scale, and what is said above them."""

import dataclasses
import functools
import statistics

import plot
import score
from measures import duration, percent
from plot import COLOURS, Band, Frame, Lane, Line, Shade, escape
from recording import TITLES, share

WIDE = {"width": 1080, "left": 58, "right": 122}
NARROW = {"width": 360, "left": 44, "right": 6, "read_every_s": 0}
SMALL = {"width": 400, "left": 46, "right": 8, "read_every_s": 3}
CONTROLS = ("P8", "P9")
MUTED = "Grey ground: the lab mutes all answers, whatever the server says."
STUB_BIN_S = 5


class Group:
    """The runs of one server. Seconds are compared among those that kept the schedule of the longest."""

    def __init__(self, name, runs):
        longest = max(runs, key=lambda run: len(run.played))
        self.name = name
        self.all_runs = runs
        self.runs = [run for run in runs if run.schedule == longest.schedule]
        self.first = self.runs[0]

    @functools.cached_property
    def cards(self):
        return [score.score(run) for run in self.all_runs]

    @functools.cached_property
    def summary(self):
        return score.summary(self.cards)

    def shades(self):
        waves = {name for name, _ in self.first.waves}
        found = []
        for name, seconds in self.first.phases.items():
            kind = "wave" if name in waves else "control" if name in CONTROLS else "peace"
            if kind == "peace" and any(self.first.under_attack()[second] for second in seconds):
                kind = "thin"
            found.append(Shade(name, TITLES.get(name, "").replace("long, ", ""), seconds.start, seconds.stop, kind))
        muted = [second for second in sorted(self.first.muted) if second in self.first.played]
        if muted:
            found.append(Shade("", "", muted[0], muted[-1] + 1, "muted"))
        return found

    def median(self, series):
        """In each second the median over the runs of a series: a function of the run."""
        return self.over(series, statistics.median)

    def over(self, series, pick):
        columns = zip(*(series(run) for run in self.runs))
        known = ([value for value in column if value is not None] for column in columns)
        return [pick(values) if values else None for values in known]


# Series: functions of a run that return a value for each second, or None


def answered(pop=None):
    """Share of the first tries answered; the seconds muted by the lab are left out."""

    def series(run):
        pairs = zip(run.honest("first_ok", pop), run.honest("resolutions", pop))
        return [None if second in run.muted else share(*pair) for second, pair in enumerate(pairs)]

    return series


def answered_kind(kind):
    def series(run):
        pairs = zip(run.groups[kind]["first_ok"], run.groups[kind]["resolutions"]) if kind in run.groups else ()
        return [None if second in run.muted else share(*pair) for second, pair in enumerate(pairs)]

    return series


def tries_each(pop=None):
    return lambda run: list(map(share, run.honest("tries", pop), run.honest("resolutions", pop)))


def honest(field):
    return lambda run: run.honest(field)


def attack(pop, vector):
    return lambda run: run.attack(pop, vector)


def cpu(core):
    def series(run):
        found = [None] * run.length_s
        for sample in run.facts.get("cpu") or []:
            if 0 <= sample["t"] < run.length_s:
                found[int(sample["t"])] = sample[core]
        return found

    return series


def by_phase(field):
    """A figure of the phase table, held over the phase."""

    def series(run):
        found = [None] * run.length_s
        for name, seconds in run.phases.items():
            value = score.phase_row(run, name)[field]
            found[seconds.start : seconds.stop] = [value] * len(seconds)
        return found

    return series


def stub(name):
    """Share of a real resolver's queries that were answered, over five seconds each."""

    def series(run):
        found = [None] * run.length_s
        samples = (run.facts.get("stubs") or {}).get(name) or []
        for start in range(0, run.length_s, STUB_BIN_S):
            among = [sample for sample in samples if start <= sample["t"] < start + STUB_BIN_S]
            value = share(sum(sample["answered"] for sample in among), sum(sample["asked"] for sample in among))
            end = min(start + STUB_BIN_S, run.length_s)
            found[start:end] = [value] * (end - start)
        return found

    return series


def not_made(run):
    """Share of the attack that the generator could not make in time."""
    missed = score.own(run, "missed")
    return [share(lost, lost + made) for lost, made in zip(missed, run.attack())]


# Scales


def thousands(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def few(value):
    return f"{value:.{0 if value == int(value) else 1 if value >= 10 else 2}f}"


def whole_percent(value):
    return f"{value:.0%}".replace("%", " %")


def shares():
    """0 to 100 %, with room above so that a line at 100 % is seen; readings are exact, ticks are not."""
    ticks = [(value / 4, whole_percent(value / 4)) for value in range(5)]
    return plot.Scale(ticks, percent, headroom=0.03)


def highest(*all_series):
    return max((value for series in all_series for value in series if value is not None), default=0)


def counts(*all_series):
    return plot.linear(max(highest(*all_series), 4), thousands)


def latencies(*all_series):
    values = [value for series in all_series for value in series if value]
    return plot.logarithmic(min(values), max(values), duration) if values else plot.logarithmic(100, 1000, duration)


# Figures


def legend(names, is_always=False, style="lines"):
    """Always, or only on a narrow page, where there is no room at the right of the plot."""
    shown = "" if is_always else " narrow"
    items = "".join(f'<li class="c{colour % COLOURS}"><span>{escape(name)}</span></li>' for colour, name in names)
    return f'<ul class="legend {style}{shown}">{items}</ul>'


def figure(group, title, said, lanes, key=(), style=""):
    """A figure in two widths, of which the style sheet shows one. Areas need a key; lines are named at their end."""
    named = {layer.label: layer.colour for lane in lanes for layer in lane.layers if isinstance(layer, Line)}
    names = key or sorted((colour, name) for name, colour in named.items() if name)
    below = legend(names, style="" if key else "lines")
    charts = []
    for kind, size in (("wide", WIDE), ("narrow", NARROW)):
        frame = Frame(**size, seconds=group.first.length_s, shades=group.shades())
        charts.append(f'<div class="{kind}">{plot.chart(frame, lanes, title, key)}</div>')
    return (f'<figure class="{style}"><figcaption><h3>{escape(title)}</h3><p>{escape(said)}</p>{below}</figcaption>'
            f'{"".join(charts)}</figure>')


def lines(named, colour=0, **options):
    """Lines of different colours: [(label, values)]."""
    return [Line(label, values, (colour + number) % COLOURS, **options) for number, (label, values) in enumerate(named)]


def pops_lines(group, series):
    return lines([(name, group.median(series(pop))) for pop, name in enumerate(group.first.pops)])


def of_server(group):
    """All figures of one server."""
    yield answered_figure(group)
    yield attack_figure(group)
    if group.first.kinds:
        yield kinds_figure(group)
    yield tries_figure(group)
    yield latency_figure(group)
    yield touched_figure(group)
    yield from optional_figures(group)
    yield generator_figure(group)


def answered_figure(group):
    return figure(group, "Honest first tries answered within 800 ms",
                  f"Share of those sent in each second, by POP; below, the last five percent enlarged. {MUTED}",
                  answered_lanes(pops_lines(group, answered)[::-1], 190))


def answered_lanes(layers, height):
    """The whole scale, and what lies above 95 % once more."""
    enlarged = plot.Scale([(value / 100, f"{value} %") for value in range(95, 101)], percent, headroom=0.06)
    unnamed = [dataclasses.replace(layer, label="") for layer in layers]
    return [
        Lane("", height, shares(), layers, unit="answered"),
        Lane("95 to 100 %", 110, enlarged, unnamed, rule=(0.99, "the card's 99 %"), is_cut=True),
    ]


def attack_figure(group):
    vectors, pops = group.first.vectors, group.first.pops
    series = {pop: [group.median(attack(pop, vector)) for vector in vectors] for pop in range(len(pops))}
    most = max((sum(column) for layers in series.values() for column in zip(*layers)), default=0)
    scale = plot.linear(most or 1, thousands, steps=2)
    lanes = [Lane(name, 78, scale, list(plot.stack(vectors, series[pop])), unit="" if pop else "packets/s")
             for pop, name in enumerate(pops)]
    key = [(number % COLOURS, name) for number, name in enumerate(vectors)
           if any(highest(layers[number]) for layers in series.values())]
    return figure(group, "Attack, by POP and vector", "Packets a second that the generator sent, stacked; all POPs on "
                  "one scale.", lanes, key=key[::-1], style="vectors")


def kinds_figure(group):
    series = lines([(kind, group.median(answered_kind(kind))) for kind in group.first.kinds])
    return figure(group, "First tries answered, by kind of client",
                  "Share of those sent in each second, over all POPs; below, the last five percent enlarged. The kinds "
                  "overlap: a client with cookies uses UDP too.", answered_lanes(series[::-1], 120))


def tries_figure(group):
    series = pops_lines(group, tries_each)
    top = highest(*(line.values for line in series))
    lane = Lane("", 150, plot.linear(max(top, 1.5), few, lowest=1 if top > 0 else 0), series[::-1], unit="tries")
    return figure(group, "Tries for each honest resolution",
                  "Packets sent for the resolutions that began in each second, by POP. What rises above "
                  "the level of peace are retries, the load that lost answers make.", [lane])


def latency_figure(group):
    series = lines([(label, group.median(by_phase(field))) for label, field in
                    (("p99", "latency_p99_us"), ("p50", "latency_p50_us"))], is_stepped=True)
    lane = Lane("", 150, latencies(*(line.values for line in series)), series, unit="latency")
    return figure(group, "Latency of answered first tries", "Median and 99th percentile in each phase, over all POPs; "
                  "logarithmic.", [lane])


def touched_figure(group):
    series = lines([(label, group.median(honest(label))) for label in ("refused", "truncated", "wrong")])
    most = highest(*(line.values for line in series))
    lane = Lane("", 120, counts(*(line.values for line in series)), series, unit="packets/s",
                remark="" if most else "none in any second")
    return figure(group, "Honest packets refused, truncated or answered wrongly", "Packets a second, over all POPs. "
                  "Refused: REFUSED, SERVFAIL or FORMERR. Truncated: TC for an answer that would have fitted.", [lane])


def optional_figures(group):
    """What the drill noted beside the traffic, where it did."""
    if any(run.facts.get("cpu") for run in group.runs):
        series = lines([("POPs", group.median(cpu("core0"))), ("all else", group.median(cpu("core1")))])
        yield figure(group, "CPU", "Share of each core that was busy: all POPs work on one core; generator, resolvers "
                     "and router on the other.", [Lane("", 120, shares(), series, unit="busy")])
    names = list(dict.fromkeys(name for run in group.runs for name in run.facts.get("stubs") or {}))
    if names:
        series = lines([(name, group.median(stub(name))) for name in names], is_stepped=True)
        yield figure(group, "Stub clients of real resolvers", f"Share of their queries that was answered, in steps of "
                     f"{STUB_BIN_S} s.", [Lane("", 120, shares(), series, unit="answered")])


def generator_figure(group):
    lost, late = group.median(not_made), group.median(lambda run: score.own(run, "late_ms_max"))
    lost_scale = plot.linear(max(highest(lost), 0.01), whole_or_finer, steps=2)
    late_scale = plot.linear(max(highest(late), 1), few, steps=2)
    lanes = [Lane("attack packets not made, share", 78, lost_scale, [Line("not made", lost, 4)]),
             Lane("latest packet, ms", 78, late_scale, [Line("lateness", late, 5)])]
    return figure(group, "The generator's own losses", "Where it fails, the server has it easier than it looks.", lanes)


def whole_or_finer(value):
    return whole_percent(value) if value == 0 or value >= 0.01 and abs(value * 100 - round(value * 100)) < 1e-9 \
        else percent(value)


# Several servers


def overlay(groups):
    """The servers' honest rates over one another, with the range of the seeds."""
    longest = max(groups, key=lambda group: group.first.length_s)
    layers = []
    for colour, group in reversed(list(enumerate(groups))):
        if len(group.runs) > 1:
            lowest, most = group.over(answered(), min), group.over(answered(), max)
            layers.append(Band("", lowest, most, colour % COLOURS, is_range=True))
        layers.append(Line(group.name, group.median(answered()), colour % COLOURS))
    seeds = "" if all(len(group.runs) == 1 for group in groups) else " Line: median over the seeds; band: all of them."
    return figure(longest, "First tries answered within 800 ms",
                  "Share of those sent in each second, over all POPs; below, the last five percent enlarged."
                  f"{seeds} {MUTED}", answered_lanes(layers, 280))


def side_by_side(groups):
    """Small multiples: for each figure a plot of each server, on one scale."""
    tries = [group.median(tries_each()) for group in groups]
    p99 = [group.median(by_phase("latency_p99_us")) for group in groups]
    p50 = [group.median(by_phase("latency_p50_us")) for group in groups]
    cut = [[group.median(honest(field)) for field in ("refused", "truncated")] for group in groups]
    rows = [
        ("First tries answered, by POP", "Share of those sent in each second.", "answered",
         [(shares(), pops_lines(group, answered)[::-1]) for group in groups]),
        ("Tries for each resolution", "What rises above the level of peace are retries.", "tries",
         [(plot.linear(max(highest(*tries), 1.5), few, lowest=1), lines([("tries", one)], 4)) for one in tries]),
        ("Latency of answered first tries", "In each phase; logarithmic.", "latency",
         [(latencies(*p99, *p50), lines([("p99", high), ("p50", low)], is_stepped=True))
          for high, low in zip(p99, p50)]),
        ("Honest packets refused or truncated", "Packets a second.", "packets/s",
         [(counts(*(series for both in cut for series in both)), lines([("refused", one), ("truncated", two)]))
          for one, two in cut]),
        ("CPU of the POPs' core", "Share of the core that was busy.", "busy",
         [(shares(), lines([("busy", group.median(cpu("core0")))], 4)) for group in groups]),
    ]
    for row in rows:
        yield multiples(groups, *row)


def multiples(groups, title, said, unit, members):
    names = {layer.label: layer.colour for _, layers in members for layer in layers}
    key = legend([(colour, name) for name, colour in sorted(names.items(), key=lambda pair: pair[1])], is_always=True) \
        if len(names) > 1 else ""
    charts = []
    for group, (scale, layers) in zip(groups, members):
        frame = Frame(**SMALL, seconds=group.first.length_s, shades=group.shades())
        drawing = plot.chart(frame, [Lane("", 120, scale, layers, unit=unit)], f"{title}: {group.name}")
        charts.append(f"<figure><figcaption><h4>{escape(group.name)}</h4></figcaption>{drawing}</figure>")
    return (f'<figure><figcaption><h3>{escape(title)}</h3><p>{escape(said)}</p>{key}</figcaption>'
            f'<div class="multiples{" paired" if len(charts) in (2, 4) else ""}">{"".join(charts)}</div></figure>')
