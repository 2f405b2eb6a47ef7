#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The score card of the drill: python3 lab/score.py DIR... writes DIR/score.json and prints it as a table.

A directory holds recording.json and run.json of one run. Of several runs of a server, median and worst are printed
too. What each row demands and how it is measured stands in measures.py and statements.py.
"""

import dataclasses
import json
import pathlib
import statistics
import sys
from collections.abc import Callable

import measures
import recording
import statements
from measures import duration, percent
from recording import phase_title, share, total

PASS, MISSED, NOT_REPORTED, NOT_MEASURED = "pass", "missed", "not reported", "not measured"
RUNS_WANTED = 3
STOLEN = 0.01  # of the POPs' core, likewise
LINK_LOSS = 0.001  # of the honest: what a caution is due for


def seconds_text(value):
    return f"{value:.0f} s" if value == int(value) else f"{value:.1f} s"


def times_text(value):
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} ×"


def count_text(value):
    return f"{value:,.0f}"


def score_text(value):
    return f"{value:.2f}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One demand of the score card: measured <= or >= limit."""

    key: str
    title: str
    wanted: str
    sense: str
    limit: float
    say: Callable
    measure: Callable

    def holds(self, value, limit):
        return value <= limit if self.sense == "<=" else value >= limit

    def worst(self, values):
        return max(values) if self.sense == "<=" else min(values)


def no_refusals(phase):
    return lambda run, _row: measures.refusals(run, phase)


# Groups of rows, as the page shows them.
CARD = {
    "Service": (
        Row("service-waves", "First tries, from onset + 5 s", "≥ 99 %, each second, POP, class", ">=", 0.99,
            percent, measures.service_waves),
        Row("service-onset", "First tries, first 5 s of a wave", "≥ 90 %, each second, POP, class", ">=", 0.90,
            percent, measures.service_onset),
        Row("service-rest", "First tries, outside the waves", "≥ 99 %, each second, POP, class", ">=", 0.99,
            percent, measures.service_rest),
        Row("resolutions", "Resolved within 5 s, retries included", "≥ 99.9 % in each phase", ">=", 0.999, percent,
            measures.resolutions),
        Row("worst-class", "Worst class of resolvers, over a wave", "≥ 95 %", ">=", 0.95, percent,
            measures.worst_class),
        Row("top100", "Top 100 resolvers, over a wave", "≥ 95 %", ">=", 0.95, percent, measures.top100),
        Row("latency", "Latency p99 of answered first tries", "≤ 3 × peace", "<=", 3, times_text, measures.latency),
        Row("killed", "First tries where the server was killed", "≥ 99 % while it was dead", ">=", 0.99, percent,
            measures.killed),
    ),
    "Recovery": (
        Row("back-new", "Answer rate back, new wave", "p95 ≤ 3 s", "<=", 3, seconds_text, measures.back_new),
        Row("back-known", "Answer rate back, known wave", "p95 ≤ 1 s", "<=", 1, seconds_text,
            measures.back_known),
        Row("back-change", "Answer rate back, vectors changed", "p95 ≤ 5 s", "<=", 5, seconds_text,
            measures.back_change),
    ),
    "Care for the honest": (
        Row("touched", "Honest packets refused, truncated", "≤ 0.1 % in each phase", "<=", 0.001, percent,
            measures.touched),
        Row("aftermath", "Untouched again after an attack", "≤ 60 s", "<=", 60, seconds_text,
            measures.aftermath),
        Row("flapping", "Touched again after 5 s without", "never", "<=", 0, count_text, measures.flapping),
        Row("refusals-P0", "Refusals in P0, peace", "0", "<=", 0, count_text, no_refusals("P0")),
        Row("refusals-P8", "Refusals in P8, flash crowd", "0", "<=", 0, count_text, no_refusals("P8")),
        Row("refusals-P9", "Refusals in P9, retry storm", "0", "<=", 0, count_text, no_refusals("P9")),
        Row("memory", "Memory, before and after", "constant (≤ 1 % more)", "<=", 0.01, percent, measures.memory),
    ),
    "What the server states": (
        Row("alarm", "Right alarm (POP, vector) after onset", "p95 ≤ 2 s", "<=", 2, seconds_text, statements.alarm),
        Row("endpoints", "Estimate of endpoints", "≤ 10 % off (spoofed: 25 %)", "<=", 0.10, percent,
            statements.endpoints),
        Row("roles", "Roles of sources", "F1 ≥ 0.9", ">=", 0.9, score_text, statements.roles),
        Row("precision", "Vectors: precision", "≥ 0.99", ">=", 0.99, score_text, statements.precision),
        Row("recall", "Vectors: recall", "≥ 0.95", ">=", 0.95, score_text, statements.recall),
        Row("on-off", "Vectors: times of on and off", "± 1 s", "<=", 1, seconds_text, statements.on_off),
        Row("waves", "Number of waves", "exact", "<=", 0, count_text, statements.wave_count),
        Row("post-mortem", "Post-mortem after the end", "≤ 60 s, figures traceable", "<=", 60, seconds_text,
            statements.post_mortem),
        Row("evidence", "Evidence tampered with", "always found", ">=", 1, percent, statements.evidence),
        Row("recorder", "Recorder's own losses against truth", "± 2 points", "<=", 0.02, percent, statements.recorder),
    ),
}
ROWS = [row for rows in CARD.values() for row in rows]


def judge(run, row):
    found = row.measure(run, row)
    if found.value is None:
        verdict = NOT_MEASURED if found.is_reported else NOT_REPORTED
    else:
        limit = row.limit if found.limit is None else found.limit
        verdict = PASS if row.holds(found.value, limit) and not found.is_failure else MISSED
    return {"key": row.key, "title": row.title, "wanted": row.wanted, "measured": found.value, "text": found.text,
            "verdict": verdict}


def phase_row(run, name):
    """What happened in a phase. Shares of P9 are without its muted seconds; tries are not, since they are its storm."""
    seconds = run.phases[name]
    audible = run.audible(seconds)

    def rate(part, whole, among=audible):
        return share(total(run.honest(part), among), total(run.honest(whole), among))

    latencies = run.latency(name)
    made, missed = total(run.attack(), seconds), total(own(run, "missed"), seconds)
    return {
        "phase": name,
        "start_s": seconds.start,
        "end_s": seconds.stop,
        "muted_s": len(seconds) - len(audible),
        "honest_qps": share(total(run.honest("tries"), seconds), len(seconds)),
        "first_rate": rate("first_ok", "resolutions"),
        "resolution_rate": rate("resolved", "resolutions"),
        "tries_per_resolution": rate("tries", "resolutions", seconds),
        "first_rate_by_kind": {kind: group_rate(run, kind, audible) for kind in run.kinds},
        **{field: total(run.honest(field), seconds) for field in ("wrong", "refused", "truncated", "unanswered")},
        "latency_p50_us": recording.quantile(latencies, 0.5),
        "latency_p99_us": recording.quantile(latencies, 0.99),
        "attack_pps": share(made, len(seconds)),
        "attack_pps_by": {
            pop_name: {vector: total(run.attack(pop, vector), seconds) / max(1, len(seconds)) for vector in run.vectors}
            for pop, pop_name in enumerate(run.pops)
        },
        "to_attackers_pps": share(total(run.to_attackers, seconds), len(seconds)),
        "generator_missed": share(missed, made + missed),
        "generator_late_ms": max((own(run, "late_ms_max")[second] for second in seconds), default=None),
        "lost_before": run.lost_on_link(name, "lost"),
        "lost_behind": run.lost_on_link(name, "replies_lost"),
        "cpu": {core: cpu_share(run, core, seconds) for core in ("core0", "core1", "core0_stolen")},
    }


def wave_row(run, name, wave):
    """How fast a wave was met: the slowest vector and POP, the slowest POP. None where nothing tells."""
    pops = [pop for pop in range(len(run.pops)) if any(run.under_attack(pop)[second] for second in wave)]
    backs = [measures.seconds_back(run, pop, measures.onset(run, pop, wave), wave.stop, 0.99) for pop in pops]
    alarms = statements.alarm_delays(run, wave) if run.facts.get("events") is not None else []
    return {
        "phase": name,
        "alarm_first_s": min(alarms, default=None),
        "alarm_last_s": max(alarms, default=None),
        "never_named": sum(delay == run.length_s for delay in alarms),
        "back_s": max((back for back in backs if back is not None), default=None),
        "is_back": all(back != wave.stop - measures.onset(run, pop, wave) for pop, back in zip(pops, backs)),
    }


def own(run, field):
    """The generator's account of itself, in each second."""
    series = run.recording.get("own", {}).get(field) or []
    return ([value or 0 for value in series] + [0] * run.length_s)[: run.length_s]


def cpu_share(run, core, seconds):
    samples = [sample[core] for sample in run.facts.get("cpu") or []
               if seconds.start <= sample["t"] < seconds.stop and sample.get(core) is not None]
    return statistics.fmean(samples) if samples else None


def cautions(run):
    """Reasons to distrust the run: where the generator failed, the server had it easier than it looks."""
    made, missed = total(run.attack(), run.played), total(own(run, "missed"), run.played)
    lost = share(missed, made + missed) or 0
    if run.facts.get("is_dry"):
        yield "a dry run: the attack was made but not sent"
    itself = run.recording.get("own", {})
    late = max(own(run, "late_ms_max"), default=0)
    if lost > 0.01:
        yield f"the generator could not make {percent(lost)} of the attack in time"
    if late > 100:
        yield f"the generator was up to {late:,.0f} ms late"
    unsent = sum(itself.get(field, 0) for field in ("ring_full", "slots_full", "tcp_full"))
    if unsent:
        yield f"the generator's machine had no room for {unsent:,} tries, which count as unanswered"
    for field, where in (("lost", "before they came to the server"), ("replies_lost", "though the server had sent it")):
        worst, phase = max(((run.lost_on_link(name, field) or 0, name) for name in run.phases), default=(0, ""))
        if worst > LINK_LOSS:
            what = "honest packets" if field == "lost" else "what servers sent"
            yield f"the lab's links lost {percent(worst)} of {what} in {phase}, {where}"
    stolen, phase = max(((cpu_share(run, "core0_stolen", run.phases[name]) or 0, name) for name in run.phases),
                        default=(0, ""))
    if stolen > STOLEN:
        yield f"the machine below took {percent(stolen)} of the POPs' core away in {phase}: packets are lost meanwhile"
    if itself.get("events_lost"):
        yield f"{itself['events_lost']:,} replies were lost in the generator, and count as unanswered"


def score(run):
    """Everything of one run, as score.json has it."""
    facts = {key: run.facts.get(key) for key in
             ("server", "version", "machine", "profile", "date", "engine", "reload", "new_zone", "transfer")}
    return {
        **facts,
        "seed": run.facts.get("seed", run.recording.get("seed")),
        "unit_qps": run.recording.get("unit_qps"),
        "fresh_rate": group_rate(run, "fresh", run.audible(run.played)),  # the names that the reload brought
        "cautions": list(cautions(run)),
        "rows": [judge(run, row) for row in ROWS],
        "phases": [phase_row(run, name) for name in run.phases],
        "waves": [wave_row(run, name, wave) for name, wave in run.waves],
    }


def group_rate(run, name, seconds):
    """Share of first tries answered of a group; None where the recording has no such group."""
    group = run.groups.get(name)
    return group and share(total(group["first_ok"], seconds), total(group["resolutions"], seconds))


def middle_and_worst(values, worst):
    values = [value for value in values if value is not None]
    return (statistics.median(values), worst(values)) if values else (None, None)


def summary(scores):
    """Several runs of one server: median and worst of each row.

    A row passes if it passes in each run that measured it.
    """
    rows = []
    for number, row in enumerate(ROWS):
        judged = [one["rows"][number] for one in scores]
        verdicts = [entry["verdict"] for entry in judged]
        median, worst = middle_and_worst([entry["measured"] for entry in judged], row.worst)
        verdict = next(verdict for verdict in (MISSED, PASS, NOT_MEASURED, NOT_REPORTED) if verdict in verdicts)
        # The words of the run with the worst number say where it was.
        text = next(entry["text"] for entry in judged if entry["measured"] == worst)
        rows.append({"key": row.key, "title": row.title, "wanted": row.wanted, "median": median, "worst": worst,
                     "text": text, "verdict": verdict, "passed": verdicts.count(PASS), "runs": len(judged)})
    return {"server": scores[0]["server"], "version": scores[0]["version"], "runs": len(scores),
            "seeds": [one["seed"] for one in scores], "rows": rows}


# Text


def by_key():
    return {row.key: row for row in ROWS}


def one_lines(card):
    yield ["", "wanted", "measured", "", ""]
    for row in card["rows"]:
        value = row["measured"]
        said = "" if value is None else by_key()[row["key"]].say(value)
        yield [row["title"], row["wanted"], said, row["verdict"], row["text"]]


def summary_lines(several):
    yield ["", "wanted", "median", "worst", "", ""]
    for row in several["rows"]:
        say = by_key()[row["key"]].say
        said = ["" if row[key] is None else say(row[key]) for key in ("median", "worst")]
        often = f"{row['passed']} of {row['runs']} pass" if row["median"] is not None else ""
        yield [row["title"], row["wanted"], *said, row["verdict"], often]


PHASE_COLUMNS = {
    "first tries": lambda row: percent(row["first_rate"]),
    "resolved": lambda row: percent(row["resolution_rate"]),
    "tries each": lambda row: optional(row["tries_per_resolution"], "{:.2f}".format),
    "p50": lambda row: optional(row["latency_p50_us"], duration),
    "p99": lambda row: optional(row["latency_p99_us"], duration),
    "wrong": lambda row: count_text(row["wrong"]),
    "refused": lambda row: count_text(row["refused"]),
    "truncated": lambda row: count_text(row["truncated"]),
    "honest/s": lambda row: optional(row["honest_qps"], count_text),
    "attack/s": lambda row: optional(row["attack_pps"], count_text),
    "not made": lambda row: percent(row["generator_missed"]),
    "lost before": lambda row: percent(row["lost_before"]),
    "lost behind": lambda row: percent(row["lost_behind"]),
    "POPs' core": lambda row: optional(row["cpu"]["core0"], "{:.0%}".format),
    "other core": lambda row: optional(row["cpu"]["core1"], "{:.0%}".format),
    "stolen": lambda row: optional(row["cpu"]["core0_stolen"], "{:.1%}".format),
}


def optional(value, say):
    return "–" if value is None else say(value)


def phase_lines(card):
    yield ["", *PHASE_COLUMNS]
    for row in card["phases"]:
        yield [phase_title(row["phase"]), *(say(row) for say in PHASE_COLUMNS.values())]


def wave_lines(card):
    """How fast each wave was met."""
    if card["waves"]:
        yield ["met after", "first alarm", "last alarm", "never named", "rate back"]
    for row in card["waves"]:
        back = optional(row["back_s"], seconds_text)
        yield [phase_title(row["phase"]), optional(row["alarm_first_s"], seconds_text),
               "never" if row["never_named"] else optional(row["alarm_last_s"], seconds_text),
               count_text(row["never_named"]), back if row["is_back"] else f"not in {back}"]


def kind_lines(card):
    """First tries answered by kind of client: a flood of SYN hurts those that use TCP first."""
    kinds = list(dict.fromkeys(kind for row in card["phases"] for kind in row["first_rate_by_kind"]))
    if kinds:
        yield ["first tries", *kinds]
        for row in card["phases"]:
            yield [phase_title(row["phase"]), *(percent(row["first_rate_by_kind"][kind]) for kind in kinds)]


def attack_lines(card):
    """Attack packets a second for each vector and POP, in the phases that have more than stray ones."""
    least = max((row["attack_pps"] or 0 for row in card["phases"]), default=0) * recording.STRAY
    for row in card["phases"]:
        if (row["attack_pps"] or 0) > least:
            pops = row["attack_pps_by"]
            yield [f"{row['phase']}, packets/s", *pops]
            for vector in next(iter(pops.values())):
                rates = [pops[pop][vector] for pop in pops]
                if any(rates):
                    yield ["  " + vector, *(count_text(rate) if rate else "" for rate in rates)]


def table_text(lines, left=1):
    """Columns padded: the first ones to the left, numbers to the right."""
    return "\n".join(padded(list(lines), left))


def padded(lines, left):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))] if lines else []
    for line in lines:
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def card_text(lines):
    """Two columns of words, numbers, and at the end words again."""
    lines = list(lines)
    heads = padded([line[:-1] for line in lines], left=2)
    return "\n".join(f"{head}  {line[-1]}".rstrip() for head, line in zip(heads, lines))


def title(card):
    where = ", ".join(filter(None, (card.get("profile"), card.get("engine"))))
    return (f"{card['server'] or 'unknown server'} {card['version'] or ''}".strip()
            + f": seed {card['seed']}, L = {card['unit_qps']:,.0f}/s" + (f" ({where})" if where else ""))


def print_score(card):
    print(f"\n{title(card)}\n")
    print(card_text(one_lines(card)) + "\n")
    for table in map(table_text, (phase_lines(card), wave_lines(card), kind_lines(card), attack_lines(card))):
        if table:
            print(table + "\n")
    if card["fresh_rate"] is not None:
        print(f"Names of the reload: {percent(card['fresh_rate'])} of the first tries answered.")
    for caution in card["cautions"]:
        print(f"Caution: {caution}.")


def print_summary(several):
    print(f"\n{several['server']} {several['version'] or ''}: seeds {', '.join(map(str, several['seeds']))}\n")
    print(card_text(summary_lines(several)) + "\n")
    if several["runs"] < RUNS_WANTED:
        print(f"Caution: fewer than {RUNS_WANTED} runs.")


def main():
    directories = [pathlib.Path(word) for word in sys.argv[1:]]
    if not directories or any(str(word).startswith("-") for word in directories):
        sys.exit("lab/score.py DIR...    writes DIR/score.json and prints it; DIR holds recording.json and run.json")
    scores = {}
    for directory in directories:
        run = recording.load(directory)
        card = score(run)
        (directory / "score.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print_score(card)
        scores.setdefault(run.name, []).append(card)
    for cards in scores.values():
        if len(cards) > 1:
            print_summary(summary(cards))


if __name__ == "__main__":
    main()
