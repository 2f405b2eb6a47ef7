# SPDX-License-Identifier: GPL-3.0-or-later
"""The score card: every row can pass and can be missed, nothing is made of no packets, and tables read as expected.

After a change of tables: score.py --accept, then read the difference of compare.ok and compare-markdown.ok.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

HERE = Path(__file__).resolve().parent
LAB = tap.ROOT / "lab"
sys.path[:0] = [str(LAB), str(HERE)]
sys.dont_write_bytecode = True
import compare  # noqa: E402  pylint: disable=wrong-import-position
import measures  # noqa: E402  pylint: disable=wrong-import-position
import recording  # noqa: E402  pylint: disable=wrong-import-position
import score  # noqa: E402  pylint: disable=wrong-import-position
import statements  # noqa: E402  pylint: disable=wrong-import-position
import synthetic  # noqa: E402  pylint: disable=wrong-import-position

WAVE_1, LULL, WAVE_2, WAVE_3, CROWD, STORM = 70, 120, 135, 195, 250, 270  # first seconds of P2, P3, P4, P6, P8, P9


@functools.cache
def good():
    """A run that passes every row, as text, so that nobody changes it for others."""
    return json.dumps(synthetic.make("seawall"))


def contents():
    return json.loads(good())


def run_of(change=lambda record, facts: None):
    record, facts = contents()
    change(record, facts)
    return recording.Run(record, facts)


def verdict(key, run):
    row = next(row for row in score.ROWS if row.key == key)
    return score.judge(run, row)


def expect(what, got, wanted):
    if got != wanted:
        yield f"{what}: expected {wanted}, got {got}"


# Changes that make a good run a bad one


def lose(record, part, seconds, pops=range(4), kinds=range(4), fields=("first_ok",)):
    """A part of what was answered is lost."""
    for entry in record["honest"]:
        if entry["pop"] in pops and entry["class"] in kinds:
            for field in fields:
                for second in seconds:
                    entry[field][second] -= int(entry[field][second] * part + 0.999)


def put(record, field, seconds, count, pops=range(4)):
    for entry in record["honest"]:
        if entry["pop"] in pops:
            for second in seconds:
                entry[field][second] = count


def slow_down(record, _facts):
    for entry in record["latency_us"]:
        if entry["phase"] == "P4" and entry["pop"] == 3:
            entry["counts"] = [0] * 8 + entry["counts"]


def lose_top(record, _facts):
    top = record["groups"]["top100"]["first_ok"]
    top[WAVE_2 : WAVE_2 + 50] = [int(count * 0.9) for count in top[WAVE_2 : WAVE_2 + 50]]


def change_fact(*path, value):
    def change(_record, facts):
        for key in path[:-1]:
            facts = facts[key]
        facts[path[-1]] = value

    return change


def change_events(change):
    return lambda _record, facts: facts.update(events=list(change(facts["events"])))


def later(kind, seconds):
    return change_events(lambda events: ({**event, "t": event["t"] + seconds * (event["type"] == kind)}
                                         for event in events))


MISSED = {
    "service-waves": lambda r, f: lose(r, 0.02, [WAVE_1 + 30], pops=[2], kinds=[1]),
    "service-onset": lambda r, f: lose(r, 0.2, [WAVE_2 + 3], pops=[1], kinds=[2]),
    "service-rest": lambda r, f: lose(r, 0.02, [STORM + 10], pops=[0], kinds=[0]),
    "killed": lambda r, f: lose(r, 0.02, range(WAVE_2 + 10, WAVE_2 + 17), pops=[0]),
    "resolutions": lambda r, f: lose(r, 0.003, range(WAVE_1, LULL), fields=["resolved"]),
    "worst-class": lambda r, f: lose(r, 0.06, range(WAVE_1, LULL), kinds=[3]),
    "top100": lose_top,
    "latency": slow_down,
    "back-new": lambda r, f: lose(r, 0.05, range(WAVE_2, WAVE_2 + 4), pops=[3]),
    "back-known": lambda r, f: lose(r, 0.05, [WAVE_3 + 1], pops=[0]),
    "back-change": lambda r, f: lose(r, 0.05, range(WAVE_2 + 18, WAVE_2 + 24), pops=[0]),
    "touched": lambda r, f: put(r, "truncated", range(WAVE_2, WAVE_2 + 50), 3),
    "aftermath": lambda r, f: put(r, "truncated", range(70, 70 + 61), 1, pops=[2]),  # P1 probes eu until 70
    "flapping": lambda r, f: put(r, "refused", [LULL, LULL + 7], 1, pops=[0]),
    "refusals-P0": lambda r, f: put(r, "refused", [10], 1, pops=[1]),
    "refusals-P8": lambda r, f: put(r, "refused", [CROWD], 1, pops=[1]),
    "refusals-P9": change_fact("refusals", "per_phase", "P9", value=1),
    "memory": change_fact("memory", "after_bytes", value=90_000_000),
    "alarm": later("onset", 2),
    "endpoints": change_fact("estimate", "endpoints", value=8600),
    "roles": change_fact("roles", "f1", value=0.89),
    "precision": change_events(lambda events: [*events, {"t": 30, "type": "onset", "pop": "eu", "vector": "gre"},
                                               {"t": 40, "type": "over", "pop": "eu"}]),
    "recall": change_events(lambda events: (event for event in events if event["vector"] != "ack")),
    "on-off": later("vector_ended", 1),
    "waves": change_fact("waves", value=4),
    "post-mortem": change_fact("post_mortem", "seconds", value=61),
    "evidence": change_fact("evidence", "found", value=39),
    "recorder": change_fact("recorder", "true_loss", value=0.06),
}


def row_check(key):
    """The check of one row."""

    def check():
        yield from expect("good run", verdict(key, run_of())["verdict"], score.PASS)
        yield from expect("bad run", verdict(key, run_of(MISSED[key]))["verdict"], score.MISSED)

    check.__doc__ = f"Row {key}: a good run passes, a bad one is missed"
    return check


globals().update({f"check_row_{key}": row_check(key) for key in MISSED})


def check_all_rows():
    """Every row of the card is checked here."""
    yield from expect("rows", sorted(MISSED), sorted(row.key for row in score.ROWS))


# What is absent


def check_phases_absent():
    """Rows of phases that were not played are not measured, and the others are."""
    run = recording.Run(*synthetic.make("seawall", phases=("P0", "P2")))
    verdicts = {row["key"]: row["verdict"] for row in score.score(run)["rows"]}
    for key in ("refusals-P8", "refusals-P9", "back-known", "back-change", "killed"):
        yield from expect(key, verdicts[key], score.NOT_MEASURED)
    for key in ("service-waves", "resolutions", "back-new", "latency", "refusals-P0"):
        yield from expect(key, verdicts[key], score.PASS)


def check_no_wave():
    """Peace alone gives no verdict on waves, and none on what comes after an attack."""
    run = recording.Run(*synthetic.make("seawall", phases=("P0",)))
    for key in ("service-waves", "service-onset", "worst-class", "top100", "latency", "back-new", "aftermath",
                "flapping"):
        yield from expect(key, verdict(key, run)["verdict"], score.NOT_MEASURED)


def nothing_sent(record, _facts):
    for entry in record["honest"]:
        for field in synthetic.FIELDS:
            entry[field] = []
    record["groups"] = {}
    record["latency_us"] = []
    record["own"]["missed"] = []
    for entry in record["vectors"]:
        entry["sent"] = []


def check_nothing():
    """Of nothing there is no share, and nothing passes that asks for one."""
    card = score.score(run_of(nothing_sent))
    for key in ("service-waves", "service-onset", "service-rest", "resolutions", "worst-class", "top100", "latency",
                "touched", "back-new", "aftermath", "alarm"):
        found = next(row for row in card["rows"] if row["key"] == key)
        yield from expect(key, (found["measured"], found["verdict"]), (None, score.NOT_MEASURED))
    for row in card["phases"]:
        for key in ("first_rate", "resolution_rate", "tries_per_resolution", "latency_p99_us", "generator_missed"):
            yield from expect(f"{row['phase']} {key}", row[key], None)
    yield from expect("text", measures.percent(None), "–")


def check_nothing_reported():
    """A server that says nothing is not blamed: its own rows are not reported."""
    stated = [row.key for row in score.CARD["What the server states"]] + ["memory"]
    for name, facts in (("nulls", dict.fromkeys(contents()[1])), ("no run.json", None)):
        run = recording.Run(contents()[0], facts)
        for row in score.score(run)["rows"]:
            wanted = score.NOT_REPORTED if row["key"] in stated else \
                score.NOT_MEASURED if row["key"] == "killed" else score.PASS
            yield from expect(f"{name}: {row['key']}", row["verdict"], wanted)


# Statistics


def check_enough():
    """Five packets may fail before a share misses its limit."""
    for limit, wanted in ((0.99, 500), (0.9, 50), (0.999, 5000), (0.95, 100), (0.001, 5000)):
        yield from expect(limit, recording.enough(limit), wanted)


def check_windows():
    """Seconds are joined until they are enough, and what is left joins the last."""
    sent, good_ones = [300, 300, 0, 700, 10], [300, 290, 0, 700, 0]
    wanted = [([0, 1], 600, 590), ([2, 3, 4], 710, 700)]
    yield from expect("joined", recording.windows(sent, good_ones, range(5), 500), wanted)
    yield from expect("too few", recording.windows(sent, good_ones, [2, 4], 500), [])


def check_small_cells():
    """Three lost packets of a small class decide nothing, and a dead class is found all the same."""

    def thin(record, _facts, is_dead=False):
        for entry in record["honest"]:
            if entry["class"] == 3:
                for second in range(WAVE_1, LULL):
                    entry["resolutions"][second] = entry["first_ok"][second] = 0
                entry["resolutions"][WAVE_1 + 20] = 400 if is_dead else 3

    yield from expect("three", verdict("service-waves", run_of(thin))["verdict"], score.PASS)
    found = verdict("service-waves", run_of(functools.partial(thin, is_dead=True)))
    yield from expect("400", found["verdict"], score.MISSED)


def check_one_in_a_thousand():
    """Cells that lose one packet of 500 each do not miss 99 %."""
    found = verdict("service-waves", run_of(lambda r, f: lose(r, 0.0001, range(WAVE_1 + 5, LULL), kinds=range(3))))
    yield from expect("verdict", found["verdict"], score.PASS)
    if not 0.99 <= found["measured"] < 1:
        yield f"worst cell {found['measured']}"


def check_percent():
    """Only what is complete reads 100 %, and only nothing reads 0 %."""
    for value, text in ((1, "100 %"), (0.99999, "99.99 %"), (0.995, "99.50 %"), (0.98765, "98.7 %"), (0.029, "2.90 %"),
                        (0.00001, "< 0.01 %"), (0, "0 %"), (1.5, "150 %")):
        yield from expect(value, measures.percent(value), text)


def check_quantile():
    """Quantiles lie in the right bucket, in proportion."""
    yield from expect("middle of one bucket", round(recording.quantile([0] * 40 + [10], 0.5), 3), round(2**10.125, 3))
    yield from expect("first bucket", recording.quantile([100, 0, 0, 1], 0.99) <= 2**0.25, True)
    yield from expect("empty", recording.quantile([0, 0], 0.5), None)


def check_nearest_rank():
    """Of few values the 95th percentile is the worst, of 20 the last but one."""
    yield from expect("few", recording.nearest_rank([1, 9, 2], 0.95), 9)
    yield from expect("twenty", recording.nearest_rank(range(1, 21), 0.95), 19)
    yield from expect("none", recording.nearest_rank([], 0.95), None)


def check_muted():
    """The seconds that the lab mutes blame nobody, and no second more."""
    run = run_of()
    yield from expect("seconds", sorted(run.muted), list(range(STORM + 1, STORM + 7)))
    yield from expect("first tries of P9", score.phase_row(run, "P9")["first_rate"], 1)
    late = run_of(lambda r, f: lose(r, 0.02, [STORM + 7]))
    yield from expect("one more second", verdict("service-rest", late)["verdict"], score.MISSED)
    told = run_of(lambda r, f: r.update(muted=[{"start_s": STORM + 2.0, "end_s": STORM + 5.5}]))
    yield from expect("a shorter span", verdict("service-rest", told)["verdict"], score.MISSED)


# Rows that need a closer look


def check_rising_attack():
    """A first second that is still good does not mean that the rate was back."""
    found = verdict("back-new", run_of(lambda r, f: lose(r, 0.05, range(WAVE_1 + 1, WAVE_1 + 6))))
    yield from expect("seconds", found["measured"], 6)


def check_never_back():
    """A rate that stays away counts as the whole wave."""
    found = verdict("back-new", run_of(lambda r, f: lose(r, 0.05, range(WAVE_1, LULL))))
    yield from expect("seconds", (found["measured"], "not back at all" in found["text"]), (50, True))


def check_wave_ends_too_soon():
    """A rate that is still away when the wave ends 2 s after its onset is neither passed nor missed."""

    def change(record, _facts):
        record["waves"] = [{"phase": "P2", "start_s": WAVE_1, "end_s": WAVE_1 + 2}]
        lose(record, 0.05, [WAVE_1, WAVE_1 + 1])

    found = verdict("back-new", run_of(change))
    yield from expect("verdict", found["verdict"], score.NOT_MEASURED)


def check_stray_packets():
    """A few packets that were still under way do not make a second of attack."""

    def change(record, _facts):
        for entry in record["vectors"]:
            if entry["vector"] == "syn" and entry["pop"] == 0:
                entry["sent"][LULL] = 40

    spans = [span for pop, vector, span in statements.true_spans(run_of(change)) if (pop, vector) == ("us-east", "syn")]
    yield from expect("end of wave 1", spans[0].stop, LULL)


def check_known_and_changes():
    """P6 begins as a known wave; P4 changes twice, P6 once."""
    run = run_of()
    yield from expect("known", [entry[3] for entry in measures.starts(run, "known")], ["P6"])
    for pop in range(4):
        changes = [entry[1] for entry in measures.starts(run, "change") if entry[0] == pop]
        for at, wanted in zip(changes, (WAVE_2 + 18, WAVE_2 + 34, WAVE_3 + 15), strict=True):
            if abs(at - wanted) > 1:
                yield f"POP {pop}: change at {at} s, expected {wanted} s"


def check_own_onset():
    """A wave that comes to a POP later has its first five seconds there."""

    def change(record, _facts):
        lose(record, 0.05, range(WAVE_3 + 15, WAVE_3 + 18), pops=[2])

    run = run_of(change)
    yield from expect("first 5 s", verdict("service-onset", run)["verdict"], score.PASS)
    yield from expect("after", verdict("service-waves", run)["verdict"], score.PASS)
    yield from expect("another POP", verdict("service-waves", run_of(
        lambda r, f: lose(r, 0.05, [WAVE_3 + 15], pops=[0])))["verdict"], score.MISSED)


def check_quiet_too_short():
    """What is still touched when the quiet ends after 15 s is neither passed nor missed."""
    found = verdict("aftermath", run_of(lambda r, f: put(r, "truncated", range(LULL, LULL + 15), 1, pops=[0])))
    yield from expect("verdict", (found["verdict"], found["measured"]), (score.NOT_MEASURED, None))


def check_touched_is_failure():
    """Over 2 % is said to be a failure."""
    found = verdict("touched", run_of(lambda r, f: put(r, "truncated", range(WAVE_2, WAVE_2 + 50), 100)))
    yield from expect("text", (found["verdict"], found["text"].endswith("a failure")), (score.MISSED, True))


def check_killed():
    """Only the POP that was killed is judged, only while it was dead; one that never comes back has failed."""
    for what, seconds, pops in (("another POP", range(WAVE_2 + 10, WAVE_2 + 17), [1]),
                                ("after it was ready", [WAVE_2 + 17], [0])):
        found = verdict("killed", run_of(lambda r, f, s=seconds, p=pops: lose(r, 0.5, s, pops=p)))
        yield from expect(what, (found["verdict"], found["measured"]), (score.PASS, 1))
    found = verdict("killed", run_of(change_fact("killed", "ready", value=None)))
    yield from expect("never back", (found["verdict"], "never ready" in found["text"]), (score.MISSED, True))


def check_waves_met():
    """How fast each wave was met: the slowest alarm, and the slowest POP."""

    def change(record, facts):
        lose(record, 0.05, range(WAVE_2 + 1, WAVE_2 + 4), pops=[2])
        for event in facts["events"]:
            if event["t"] < LULL and event["vector"] == "syn" and event["pop"] == "us-east":
                event["t"] += 3

    rows = {row["phase"]: row for row in score.score(run_of(change))["waves"]}
    yield from expect("last alarm of wave 1", round(rows["P2"]["alarm_last_s"], 1), 3.7)
    yield from expect("rate of wave 2", (rows["P4"]["back_s"], rows["P4"]["is_back"]), (4, True))
    silent = score.score(run_of(lambda r, f: f.update(events=None)))["waves"][0]
    yield from expect("says nothing", (silent["alarm_last_s"], silent["never_named"]), (None, 0))


def check_many_sources():
    """Memory over 2^28 sources may grow by 2 %, at any time; over fewer nothing is said."""

    def tried(count, most):
        def change(record, facts):
            next(entry for entry in record["vectors"] if entry["vector"] == "sources")["sent"][WAVE_1] = count
            before = facts["memory"]["before_bytes"]
            facts["memory"].update(after_bytes=before, samples=[{"process_bytes": int(before * most), "bpf_bytes": 0}])
        return verdict("memory", run_of(change))["verdict"]

    yield from expect("constant", tried(1 << 28, 1.019), score.PASS)
    yield from expect("meanwhile more", tried(1 << 28, 1.03), score.MISSED)
    yield from expect("too few", tried(1 << 27, 1), score.NOT_MEASURED)


def check_half_spoofed():
    """With half the endpoints spoofed, a quarter may be wrong; the naive count is shown."""

    def change(record, facts):
        record["endpoints"]["half_spoofed"] = True
        facts["estimate"]["endpoints"] = 8000

    found = verdict("endpoints", run_of(change))
    yield from expect("verdict", (found["verdict"], "naive count 41,800" in found["text"]), (score.PASS, True))


def check_untraced():
    """A post-mortem in time with a figure that leads nowhere is missed."""
    found = verdict("post-mortem", run_of(change_fact("post_mortem", "untraced", value=1)))
    yield from expect("verdict", found["verdict"], score.MISSED)


def check_silent_alarm():
    """A vector that is never named counts as the longest delay."""
    found = verdict("alarm", run_of(MISSED["recall"]))
    yield from expect("verdict", (found["verdict"], found["measured"]), (score.MISSED, 300))


def check_cautions():
    """A generator that failed is named; one that did its work is not."""
    yield from expect("good", list(score.cautions(run_of())), [])

    def change(record, _facts):
        record["own"].update(missed=[10_000] * 300, ring_full=2, events_lost=3)
        record["own"]["late_ms_max"][100] = 250

    yield from expect("bad", len(list(score.cautions(run_of(change)))), 4)


def links(lost, replies_lost=0):
    """What the links of all POPs counted in P4."""
    counted = {name: {"sent": 1000 - lost, "lost": lost, "replies": 1000 - replies_lost, "replies_lost": replies_lost}
               for name in synthetic.POPS}
    return lambda _record, facts: facts.update(links={"per_phase": {"P4": counted}})


def check_lost_on_links():
    """What the lab's own links lose is told, and warned of, as a share of the honest."""
    yield from expect("not counted", score.phase_row(run_of(), "P4")["lost_before"], None)
    row = score.phase_row(run_of(links(20, 3)), "P4")
    yield from expect("shares", (round(row["lost_before"], 6), round(row["lost_behind"], 6)), (0.02, 0.003))
    yield from expect("both", len(list(score.cautions(run_of(links(20, 3))))), 2)
    yield from expect("few", list(score.cautions(run_of(links(1)))), [])

    def one_pop(record, facts):
        links(0)(record, facts)
        facts["links"]["per_phase"]["P4"]["eu"].update(sent=0, lost=1000)

    found = score.phase_row(run_of(one_pop), "P4")["lost_before"]
    yield from expect("one of four POPs", 0.24 < found < 0.26, True)


def check_summary():
    """Of several runs: the median, the worst, and a verdict that is missed if one is."""
    cards = [score.score(run_of(change_fact("roles", "f1", value=value))) for value in (0.95, 0.5, 0.97)]
    found = next(row for row in score.summary(cards)["rows"] if row["key"] == "roles")
    wanted = (0.95, 0.5, score.MISSED, 2, 3)
    yield from expect("roles", tuple(found[key] for key in ("median", "worst", "verdict", "passed", "runs")), wanted)
    mixed = [score.score(run_of()), score.score(run_of(lambda r, f: f.update(roles=None)))]
    found = next(row for row in score.summary(mixed)["rows"] if row["key"] == "roles")
    yield from expect("one silent", (found["verdict"], found["passed"]), (score.PASS, 1))


# Command lines


@functools.cache
def directories():
    """Runs of two servers and two seeds, of a few phases."""
    kept = tempfile.TemporaryDirectory(prefix="seawall-test-")
    found = [synthetic.write(Path(kept.name) / f"{server}-{seed}",
                             synthetic.make(server, seed=seed, phases=("P0", "P2", "P3", "P8")))
             for server in ("seawall", "bind") for seed in (1, 2)]
    return kept, [str(directory) for directory in found]


def command(program, *words):
    return subprocess.run([sys.executable, "-B", LAB / program, *words], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONIOENCODING": "utf-8"})


def check_command():
    """The command writes score.json and prints card, phases and summary."""
    _, found = directories()
    ran = command("score.py", *found[:2])
    yield from expect("status", (ran.returncode, ran.stderr), (0, ""))
    for text in ("seawall 0.1.0: seed 1, L = 2,000/s (small, native XDP)", "First tries, from onset + 5 s", "P2 wave 1",
                 "P2, packets/s", "2 of 2 pass", "fewer than 3 runs"):
        if text not in ran.stdout:
            yield f"not printed: {text}"
    card = json.loads((Path(found[0]) / "score.json").read_text(encoding="utf-8"))
    yield from expect("keys", sorted(card["rows"][0]), ["key", "measured", "text", "title", "verdict", "wanted"])
    yield from expect("phases", [row["phase"] for row in card["phases"]], ["P0", "P2", "P3", "P8"])
    json.dumps(card, allow_nan=False)


def check_usage():
    """Without directories the commands say how they are called."""
    for program in ("score.py", "compare.py"):
        for words in ([], ["--what", "x"]):
            ran = command(program, *words)
            yield from expect(program, (ran.returncode, f"lab/{program} DIR..." in ran.stderr), (1, True))


GOLDEN = {"compare.ok": [], "compare-markdown.ok": ["--markdown"]}


def compared(name):
    return command("compare.py", *directories()[1], *GOLDEN[name]).stdout


def check_compare():
    """The tables of compare.py read as expected."""
    for name in GOLDEN:
        got, want = compared(name).splitlines(), (HERE / name).read_text(encoding="utf-8").splitlines()
        if got != want:
            yield from (f"expected: {line}" for line in want)
            yield from (f"printed: {line}" for line in got)


def check_cell():
    """A cell has the median, and the worst where it reads otherwise; of no values it is empty."""
    for values, text in (([1, 1, 0.5], "100 % (50.0 %)"), ([1, None], "100 %"), ([None], ""), ([], "")):
        yield from expect(values, compare.cell(values, measures.percent, min), text)


if __name__ == "__main__":
    if "--accept" in sys.argv:
        for golden in GOLDEN:
            (HERE / golden).write_text(compared(golden), encoding="utf-8")
        sys.exit(0)
    tap.run(globals())
