# SPDX-License-Identifier: GPL-3.0-or-later
"""What the score card asks of a server's own statements, held against what the generator did.

They stand in run.json; what is null or missing there is "not reported", which no server is blamed for:

  events       [{"t": s, "noticed": s, "type": T, "pop": name, "vector": name}]: "onset" and "vector_added" say that a
               vector began at a POP, "vector_ended" that it ended, "over" (without vector) that all did; t is when it
               happened, noticed when the server said so (t, where it is missing)
  estimate     {"endpoints": n, "low": n, "high": n, "naive": n}
  waves        n
  roles        {"f1": x}
  post_mortem  {"seconds": s after the end, "untraced": figures that lead nowhere}
  evidence     {"cases": n, "found": n}
  recorder     {"stated_loss": share, "true_loss": share}

Truth is the generator's count of each second, so times of onset and end are known to a second.
"""

import recording
from measures import Measured, absent, percent
from recording import nearest_rank, share

STARTS = ("onset", "vector_added")
NO_ATTACKS = ("retry-storm", "flash-crowd")  # recognized too, and blamed on nobody
EARLY_S = 1  # an alarm this much before the first whole second of a vector belongs to it


def not_reported():
    return Measured(None, is_reported=False)


def true_spans(run):
    """(POP's name, vector, seconds) of each time that a vector was sent to a POP."""
    return [(name, vector, span) for pop, name in enumerate(run.pops) for vector in run.vectors
            for span in recording.spans(run.under_attack(pop, vector), 0, run.length_s)]


def stated_spans(run):
    """(POP's name, vector, begin, end, noticed) as the server says it. What it never ended, lasts."""
    open_since, found = {}, []
    for event in sorted(run.facts["events"], key=lambda event: event["t"]):
        pop, vector = event.get("pop"), event.get("vector")
        if event["type"] in STARTS and vector and vector not in NO_ATTACKS:
            open_since.setdefault((pop, vector), (event["t"], event.get("noticed", event["t"])))
        elif event["type"] in ("vector_ended", "over"):
            for key in [key for key in open_since if key[0] == pop and vector in (None, key[1])]:
                since, noticed = open_since.pop(key)
                found.append((*key, since, event["t"], noticed))
    found += [(*key, since, run.length_s, noticed) for key, (since, noticed) in open_since.items()]
    return found


def matches(run):
    """For each true span the stated spans that meet it; and the stated spans that meet none."""
    stated = stated_spans(run)
    met = [[other for other in stated if other[:2] == (pop, vector)
            and other[2] < span.stop and other[3] > span.start - EARLY_S] for pop, vector, span in true_spans(run)]
    return met, [other for other in stated if not any(other in others for others in met)]


def alarm_delays(run, seconds):
    """Seconds from each beginning of a vector at a POP, in a span, until the server names both; else the whole run."""
    return [max(0, min(other[4] for other in stated) - span.start) if stated else run.length_s
            for (_, _, span), stated in zip(true_spans(run), matches(run)[0]) if span.start in seconds]


def alarm(run, _row):
    if run.facts.get("events") is None:
        return not_reported()
    delays = alarm_delays(run, range(run.length_s))
    if not delays:
        return absent("no attack")
    missing = sum(delay == run.length_s for delay in delays)
    text = f"{missing} of {len(delays)} never" if missing else f"all {len(delays)} named"
    return Measured(nearest_rank(delays, 0.95), text)


def precision(run, _row):
    if run.facts.get("events") is None:
        return not_reported()
    stated, wrong = stated_spans(run), matches(run)[1]
    value = share(len(stated) - len(wrong), len(stated))
    return absent("no vector stated") if value is None else Measured(value, f"{len(wrong)} of {len(stated)} wrong")


def recall(run, _row):
    if run.facts.get("events") is None:
        return not_reported()
    met = matches(run)[0]
    value = share(sum(bool(stated) for stated in met), len(met))
    return absent("no attack") if value is None else Measured(value, f"{sum(not s for s in met)} of {len(met)} missed")


def on_off(run, _row):
    """The largest error of a stated begin or end, of those vectors that were recognized."""
    if run.facts.get("events") is None:
        return not_reported()
    errors = []
    for (_, _, span), stated in zip(true_spans(run), matches(run)[0]):
        if stated:
            first, last = min(other[2] for other in stated), max(other[3] for other in stated)
            errors += [abs(first - span.start), abs(last - span.stop)]
    return Measured(max(errors), f"{len(errors) // 2} recognized") if errors else absent("no vector recognized")


def wave_count(run, _row):
    """How many waves too many or too few."""
    stated, truth = run.facts.get("waves"), len(run.waves)
    return not_reported() if stated is None else Measured(abs(stated - truth), f"{stated} stated, {truth} sent")


def endpoints(run, _row):
    """Relative error; the wider limit if half of them hide behind spoofed addresses."""
    stated, truth = run.facts.get("estimate"), run.recording.get("endpoints") or {}
    if not stated:
        return not_reported()
    used = truth.get("used", truth.get("total"))
    if not used:
        return absent("no endpoint was used")
    error = abs(stated["endpoints"] - used) / used
    text = f"{stated['endpoints']:,}"
    if "low" in stated and "high" in stated:
        text += f" ({stated['low']:,} to {stated['high']:,})"
    text += f" for {used:,}" + (f"; naive count {stated['naive']:,}" if "naive" in stated else "")
    return Measured(error, text, limit=0.25 if truth.get("half_spoofed") else None)


def roles(run, _row):
    stated = run.facts.get("roles")
    return Measured(stated["f1"]) if stated else not_reported()


def post_mortem(run, _row):
    stated = run.facts.get("post_mortem")
    if not stated:
        return not_reported()
    untraced = stated.get("untraced", 0)
    text = f"{untraced:,} of its figures lead nowhere" if untraced else ""
    return Measured(stated["seconds"], text, is_failure=untraced > 0)


def evidence(run, _row):
    stated = run.facts.get("evidence")
    if not stated:
        return not_reported()
    value = share(stated["found"], stated["cases"])
    text = f"{stated['found']:,} of {stated['cases']:,} found"
    return absent("no case tried") if value is None else Measured(value, text)


def recorder(run, _row):
    stated = run.facts.get("recorder")
    if not stated:
        return not_reported()
    text = f"{percent(stated['stated_loss'])} stated, {percent(stated['true_loss'])} true"
    return Measured(abs(stated["stated_loss"] - stated["true_loss"]), text)
