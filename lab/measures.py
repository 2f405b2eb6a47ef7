# SPDX-License-Identifier: GPL-3.0-or-later
"""What the score card asks of the traffic alone. Each function takes a run and a row, and returns a Measured.

Where the card demands a share without saying over what, each phase has to reach it, over all POPs together, and the
text says which phase was worst. The seconds in which the lab itself mutes the answers (P9) are no server's fault and
do not count anywhere. Where seconds, POPs and retry classes have to reach it one by one, see `cells`.
"""

import dataclasses

import recording
from recording import FEWEST, enough, nearest_rank, share, total, windows

FIRST_S = 5
SETTLED_S = 3  # good seconds in a row after which the rate counts as back
DROP_WITHIN_S = 10  # a drop that begins later is no consequence of the onset; the rows of service see it
QUIET_S = 5
SAME_KIND = 0.1
CHANGED = 0.05
COMPARED_S = 3
CHANGING = ("P4", "P6")
LATENCY_FEWEST = enough(0.99)
MEBIBYTE = 1 << 20
MANY_SOURCES = 1 << 28  # what memory is to be constant over
SOURCES_GROWTH = 0.02


@dataclasses.dataclass(frozen=True)
class Measured:
    """A row's one number, and what a person wants to know with it. Without the number: why there is none."""

    value: float | None
    text: str = ""
    is_reported: bool = True
    limit: float | None = None  # where the run calls for another one than the row's
    is_failure: bool = False  # whatever the number says


def absent(why):
    return Measured(None, why)


def percent(value):
    """Rounded towards zero, so that only what is complete reads 100 %, and zero only what is nothing."""
    if value is None:
        return "–"
    if 0 < value < 0.0001:
        return "< 0.01 %"
    if value in (0, 1) or value > 1:
        return f"{value:.0%}".replace("%", " %")
    digits = 2 if value >= 0.99 or value < 0.1 else 1
    return f"{int(value * 10 ** (2 + digits) + 1e-6) / 10 ** digits:.{digits}f} %"


def plural(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# Service


@dataclasses.dataclass(frozen=True)
class Cell:
    """The smallest part of the honest traffic that is judged by itself."""

    rate: float
    sent: int
    where: str
    seconds: list


def cells(run, pop, seconds, fewest):
    """Seconds of one POP and one retry class; seconds are joined until they hold enough first tries.

    Classes that never hold enough are judged together in their POP. If those are too few even so, they are judged only
    where more are lost than a cell of full size may lose.
    """
    small = []
    for kind, name in enumerate(run.classes):
        found = _cells_of(run, seconds, fewest, pop, [kind], f"{run.pops[pop]}, {name}")
        small += [] if found else [kind]
        yield from found
    where = f"{run.pops[pop]}, the smaller classes"
    yield from _cells_of(run, seconds, fewest, pop, small, where) or _lost_ones(run, seconds, pop, small, where)


def _first_tries(run, pop, kinds):
    """(sent, answered) in each second, over some classes."""
    return [[sum(column) for column in zip(*(run.honest(field, pop, kind) for kind in kinds))]
            for field in ("resolutions", "first_ok")]


def _cells_of(run, seconds, fewest, pop, kinds, where):
    sent, good = _first_tries(run, pop, kinds)
    found = windows(sent, good, seconds, fewest) if kinds else []
    return [Cell(ok / tries, tries, where, window) for window, tries, ok in found]


def _lost_ones(run, seconds, pop, kinds, where):
    sent, good = (total(series, seconds if kinds else []) for series in _first_tries(run, pop, kinds))
    if sent - good > FEWEST:
        yield Cell(good / sent, sent, where, list(seconds))


def _service(run, row, parts):
    """The worst cell of several spans of seconds, each of a POP: [(what the span is called, POP, seconds)]."""
    parts = [(name, pop, run.audible(seconds)) for name, pop, seconds in parts]
    judged = [(cell, name) for name, pop, seconds in parts for cell in cells(run, pop, seconds, enough(row.limit))]
    sent, good = (sum(total(run.honest(field, pop), seconds) for _, pop, seconds in parts)
                  for field in ("resolutions", "first_ok"))
    if not judged:
        return absent(f"only {sent:,} first tries" if any(seconds for _, _, seconds in parts) else "not played")
    worst, name = min(judged, key=lambda pair: pair[0].rate)
    if worst.rate == 1:
        return Measured(1, f"in all {len(judged):,} cells")
    below = sum(cell.rate < row.limit for cell, _ in judged)
    text = f"{worst.where}, {name} {_span_text(worst.seconds)}; {percent(share(good, sent))} of all"
    return Measured(worst.rate, text + (f"; {below:,} of {len(judged):,} cells below" if below else ""))


def _span_text(seconds):
    first, last = seconds[0], seconds[-1]
    return f"at {first} s" if first == last else f"at {first}–{last} s"


def onset(run, pop, wave):
    """The second in which a wave comes to a POP; one that it never comes to has the same seconds as the others."""
    return next((second for second in wave if run.under_attack(pop)[second]), wave.start)


def of_waves(run, part):
    """[(phase, POP, seconds)] of a part of each wave: a function of the wave's seconds and of the POP's own onset."""
    return [(name, pop, part(wave, onset(run, pop, wave))) for name, wave in run.waves for pop in range(len(run.pops))]


def service_waves(run, row):
    """Before a wave comes to a POP, and from 5 s after."""
    return _service(run, row, of_waves(run, lambda wave, start: [second for second in wave
                                                                 if not start <= second < start + FIRST_S]))


def service_onset(run, row):
    return _service(run, row, of_waves(run, lambda wave, start: range(start, min(start + FIRST_S, wave.stop))))


def service_rest(run, row):
    waves = {second for _, wave in run.waves for second in wave}
    return _service(run, row, [(name, pop, [second for second in seconds if second not in waves])
                               for name, seconds in run.phases.items() for pop in range(len(run.pops))])


def worst_phase(run, row, part, whole):
    """The worst share among the phases that hold enough to be judged, and the whole run."""
    spans = {name: run.audible(seconds) for name, seconds in run.phases.items()}
    spans["the whole run"] = run.audible(run.played)
    judged = [(share(total(part, seconds), total(whole, seconds)), name) for name, seconds in spans.items()
              if total(whole, seconds) >= enough(row.limit)]
    if not judged:
        return absent(f"only {total(whole, spans['the whole run']):,} in the whole run")
    value, name = (min if row.sense == ">=" else max)(judged, key=lambda pair: pair[0])
    return Measured(value, "in every phase" if value in (0, 1) and judged[-1][0] == value
                    else f"{name}; {percent(judged[-1][0])} of the whole run")


def resolutions(run, row):
    return worst_phase(run, row, run.honest("resolved"), run.honest("resolutions"))


def _over_waves(run, row, sent, good):
    """The first tries answered over each wave, its first seconds included: the worst of all waves."""
    judged = [(share(total(good, run.audible(wave)), total(sent, run.audible(wave))), name)
              for name, wave in run.waves if total(sent, run.audible(wave)) >= enough(row.limit)]
    return min(judged, default=None)


def worst_class(run, row):
    found = []
    for kind, name in enumerate(run.classes):
        worst = _over_waves(run, row, run.honest("resolutions", None, kind), run.honest("first_ok", None, kind))
        if worst:
            found.append((*worst, name))
    if not found:
        return absent("no wave with enough first tries")
    value, wave, name = min(found)
    return Measured(value, f"{name}, {wave}")


def top100(run, row):
    top = run.groups.get("top100")
    if not top:
        return absent("not recorded")
    worst = _over_waves(run, row, top["resolutions"], top["first_ok"])
    return Measured(*worst) if worst else absent("no wave with enough first tries")


def duration(microseconds):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            value = microseconds / size
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
    return f"{microseconds:.0f} µs"


def latency(run, _row):
    """Each POP and phase against the same POP in peace, where 500 answers or more make a p99."""
    found = []
    for pop, name in enumerate(run.pops):
        peace = run.latency("P0", pop)
        if sum(peace) < LATENCY_FEWEST:
            continue
        base = recording.quantile(peace, 0.99)
        for phase in run.phases:
            counts = run.latency(phase, pop)
            if phase != "P0" and sum(counts) >= LATENCY_FEWEST:
                p99 = recording.quantile(counts, 0.99)
                found.append((p99 / base, f"{name}, {phase}: {duration(p99)} against {duration(base)}"))
    if not found:
        return absent("no peace and another phase with enough answers")
    value, where = max(found)
    return Measured(value, where)


# Recovery


def mixture(run, pops, seconds):
    """Share of each vector at each of these POPs in what the attack sends to them."""
    counts = {(pop, vector): total(run.attack(pop, vector), seconds) for pop in pops for vector in run.vectors}
    return {key: share(count, sum(counts.values())) or 0 for key, count in counts.items()}


def distance(one, other):
    """Half the sum of differences: 0 for the same mixture, 1 for mixtures that have nothing in common."""
    return sum(abs(one[key] - other[key]) for key in one) / 2


def changes(run, pop, wave):
    """Seconds of a wave in which its mixture changes: what came in the 3 s before against the 3 s after.

    Shares and not rates are compared, since a wave in bursts is no other wave.
    """
    found = []
    for second in range(wave.start + FIRST_S, wave.stop - COMPARED_S + 1):
        before = mixture(run, [pop], range(second - COMPARED_S, second))
        after = mixture(run, [pop], range(second, second + COMPARED_S))
        if any(before.values()) and any(after.values()):
            found.append((distance(before, after), second))
    chosen = []
    for difference, second in sorted(found, key=lambda pair: (-pair[0], pair[1])):
        if difference >= CHANGED and all(abs(second - other) > FIRST_S for other in chosen):
            chosen.append(second)
    return sorted(chosen)


def starts(run, kind):
    """(POP, first second, end of the span, phase) of each onset of a new wave, of a known wave, or change in a wave.

    A wave is known if an earlier one began with the same mixture at the same POPs. That it comes to further POPs later
    on is a change too. The wave's end, or the next change, ends the span in which the rate has to come back.
    """
    met = []
    for name, wave in run.waves:
        now = mixture(run, range(len(run.pops)), wave[:DROP_WITHIN_S])
        is_known = any(distance(now, before) <= SAME_KIND for before in met)
        met.append(now)
        for pop in range(len(run.pops)):
            if not any(run.under_attack(pop)[second] for second in wave):
                continue
            first = onset(run, pop, wave)
            turns = changes(run, pop, range(first, wave.stop)) if name in CHANGING else []
            kinds = ["change" if first >= wave.start + FIRST_S else "known" if is_known else "new"]
            kinds += ["change"] * len(turns)
            for found, begin, end in zip(kinds, [first, *turns], [*turns, wave.stop]):
                if found == kind:
                    yield pop, begin, end, name


def seconds_back(run, pop, first, end, limit):
    """Seconds until the honest first-try rate is back; 0 if it never left, None if too few tries tell.

    Only a drop that begins within 10 s belongs to the onset. It is over when three seconds in a row are good again:
    an attack that rises over seconds leaves the first one untouched, so the first good second proves nothing.
    """
    rates = {}
    for window, sent, good in windows(run.honest("resolutions", pop), run.honest("first_ok", pop),
                                      range(first, end), enough(limit)):
        rates.update(dict.fromkeys(window, good / sent))
    if not rates:
        return None
    is_good = [rates[second] >= limit for second in range(first, end)]
    if all(is_good[:DROP_WITHIN_S]):
        return 0
    for second in range(is_good.index(False), len(is_good)):
        if all(is_good[second : second + SETTLED_S]):
            return second
    return end - first


def _back(run, row, kind, none):
    """The 95th percentile; a rate that was still away when its span ended counts as the span, if that tells enough."""
    found, is_open = [], False
    for pop, first, end, name in starts(run, kind):
        value = seconds_back(run, pop, first, end, 0.99)
        if value is not None:
            is_lost = value == end - first
            is_open = is_open or (is_lost and value <= row.limit)
            found.append((value, f"{run.pops[pop]}, {name} at {first} s{', not back at all' if is_lost else ''}"))
    if not found:
        return absent(none)
    value, (_, where) = nearest_rank([value for value, _ in found], 0.95), max(found, key=lambda entry: entry[0])
    if is_open and value <= row.limit:
        return absent("the next change or the end came before the rate was back")
    often = plural(len(found), "change" if kind == "change" else "onset")
    return Measured(value, f"{where if value else 'it never left'}; {often}")


def back_new(run, row):
    return _back(run, row, "new", "no wave with enough first tries")


def back_known(run, row):
    return _back(run, row, "known", "no wave of a kind met before")


def back_change(run, row):
    return _back(run, row, "change", "no wave that changes its mixture")


# Care for the honest


def quiet_spans(run, pop):
    """Spans of at least 5 s without an attack on a POP, after one."""
    attack = recording.spans(run.under_attack(pop), 0, run.length_s, QUIET_S)
    ends = [span.start for span in attack[1:]] + [run.length_s]
    return [range(span.stop, end) for span, end in zip(attack, ends) if end - span.stop >= QUIET_S]


def aftermath(run, row):
    """Seconds after an attack's end until no honest packet is refused or truncated."""
    worst, open_spans = (0, "not touched once"), []
    all_spans = [(pop, span) for pop in range(len(run.pops)) for span in quiet_spans(run, pop)]
    for pop, span in all_spans:
        hit = [second for second in run.audible(span) if run.touched(pop)[second]]
        if hit:
            after = hit[-1] + 1 - span.start
            worst = max(worst, (after, f"{run.pops[pop]}, after {span.start} s"))
            if hit[-1] == span.stop - 1 and after <= row.limit:
                open_spans.append((after, run.pops[pop]))
    if not all_spans:
        return absent("no attack with 5 quiet seconds after it")
    if open_spans and worst[0] <= row.limit:
        after, name = max(open_spans)
        return absent(f"still touched when the quiet ended after {after} s ({name})")
    return Measured(*worst)


def flapping(run, _row):
    """How often honest packets are touched again after 5 s without, with no attack going on."""
    again, all_spans = 0, [(pop, span) for pop in range(len(run.pops)) for span in quiet_spans(run, pop)]
    for pop, span in all_spans:
        hit = recording.spans(run.touched(pop), span.start, span.stop, QUIET_S)
        again += max(0, len(hit) - 1) + bool(hit and hit[0].start - span.start >= QUIET_S)
    return Measured(again) if all_spans else absent("no attack with 5 quiet seconds after it")


def touched(run, row):
    found = worst_phase(run, row, run.touched(), run.honest("tries"))
    if found.value is not None and found.value > 0.02:
        return dataclasses.replace(found, text=f"{found.text}: over 2 %, a failure", is_failure=True)
    return found


def refusals(run, phase):
    """What the resolvers saw, or what the server itself states if that is more."""
    if phase not in run.phases:
        return absent("phase not played")
    seen = total(run.honest("refused"), run.phases[phase])
    cut = total(run.honest("truncated"), run.phases[phase])
    stated = ((run.facts.get("refusals") or {}).get("per_phase") or {}).get(phase)
    said = "" if stated is None else f"{seen:,} seen, {stated:,} stated"
    return Measured(max(seen, stated or 0), "; ".join(filter(None, (said, f"{cut:,} truncated" if cut else ""))))


def killed(run, _row):
    """First tries at the POP whose server was killed, until it was ready again, or to the end."""
    outage = run.facts.get("killed")
    if not outage:
        return absent("nobody was killed")
    last = run.length_s if outage["ready"] is None else max(int(outage["at"]) + 1, int(outage["ready"]))
    dead, pop = [second for second in run.played if int(outage["at"]) <= second < last], run.pops.index(outage["pop"])
    sent, good = (total(run.honest(field, pop), dead) for field in ("resolutions", "first_ok"))
    if not sent:
        return absent("no first tries")
    if outage["ready"] is None:
        return Measured(good / sent, f"{outage['pop']}, {_span_text(dead)}; never ready again", is_failure=True)
    text = f"ready again {outage['ready'] - outage['restart']:.1f} s after its restart"
    return Measured(good / sent, f"{outage['pop']}, {_span_text(dead)}; {text}")


def memory(run, _row):
    """Growth; a mebibyte of it is an allocator's grain, not growth."""
    sizes = run.facts.get("memory") or {}
    before, after = sizes.get("before_bytes"), sizes.get("after_bytes")
    if not before or after is None:
        return Measured(None, is_reported=False)
    tried = total(run.attack(vector="sources"), run.played)
    during = [sample["process_bytes"] + sample["bpf_bytes"] for sample in sizes.get("samples") or []]
    grown = max([after, *during]) - before
    text = f"{before / 1e6:,.1f} MB, then {after / 1e6:,.1f} MB"
    if during:
        text += f", at most {max(during) / 1e6:,.1f} MB"
    # Every one of them is another address, up to all that there are to count.
    text += f"; over {tried:,} distinct sources" if tried else "; over this drill, not 2²⁸ sources"
    limit = SOURCES_GROWTH if tried else None
    if 0 < tried < MANY_SOURCES:
        return Measured(None, f"{text}, too few")
    return Measured(0 if grown <= MEBIBYTE else grown / before, text, limit=limit)
