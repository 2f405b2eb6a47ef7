#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill as one HTML page: python3 lab/page.py DIR... -o FILE

Several seeds of a server are shown as their median. Several servers are laid over one another first, then shown side
by side, on the same scales. The page holds everything it needs: it works without a network, on paper, light and dark.
"""

import argparse
import html
import pathlib
import statistics

import compare
import figures
import recording
import score
from figures import Group
from measures import percent
from plot import escape
from recording import total

MARKS = {score.PASS: "✓", score.MISSED: "✕", score.NOT_REPORTED: "–", score.NOT_MEASURED: "–"}
GROUND = "Red ground: attack; blue ground: control, in which nobody attacks."
STYLE = pathlib.Path(__file__).with_name("page.css")


def verdict(word):
    kind = word if word in (score.PASS, score.MISSED) else "away"
    return f'<span class="verdict {kind}"><i aria-hidden="true">{MARKS[word]}</i>{word}</span>'


# The head of the page


def facts(pairs):
    inner = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in pairs if value)
    return f'<dl class="facts">{inner}</dl>'


def machine_text(machine):
    """The machine in words: what is known of the keys first, anything else as it stands."""
    machine = dict(machine or {})
    said = [machine.pop("cpu", None)]
    if "cores" in machine:
        said.append(f"{machine.pop('cores')} cores")
    if "memory_bytes" in machine:
        said.append(f"{machine.pop('memory_bytes') / 2**30:.0f} GiB")
    if "kernel" in machine:
        said.append(f"Linux {machine.pop('kernel')}")
    said += [f"{key} {value}" for key, value in machine.items() if isinstance(value, (str, int, float))]
    return ", ".join(filter(None, said))


def common_facts(groups):
    cards = [card for group in groups for card in group.cards]
    seeds = sorted({card["seed"] for card in cards if card["seed"] is not None})

    def each(values):
        return ", ".join(dict.fromkeys(value for value in values if value))

    return facts([
        ("Machine", each(machine_text(card["machine"]) for card in cards)),
        ("Profile", each(card["profile"] for card in cards)),
        ("L", each(f"{card['unit_qps']:,.0f} queries/s at each POP" for card in cards if card["unit_qps"])),
        ("Seed" if len(seeds) == 1 else "Seeds", ", ".join(map(str, seeds))),
        ("Engine", each(card["engine"] for card in cards) if len(groups) == 1 else ""),
        ("Date", each(card["date"] for card in cards)),
        *(startup_facts(groups[0].cards[0]) if len(groups) == 1 else ()),
    ])


def startup_facts(card):
    for key, title in (("reload", "Reload"), ("new_zone", "New zone"), ("transfer", "Transfer")):
        done = card.get(key)
        if done:
            yield title, f"{done['seconds']:.1f} s" if done["ok"] else "failed"
    if card["fresh_rate"] is not None:
        yield "New names answered", percent(card["fresh_rate"])


def in_waves(run, part, whole):
    seconds = [second for _, wave in run.waves for second in wave]
    return recording.share(total(run.honest(part), seconds), total(run.honest(whole), seconds))


def peak(run):
    """The most attack packets in a second at one POP, and as a multiple of L."""
    highest = max((max(run.attack(pop), default=0) for pop in range(len(run.pops))), default=0)
    return highest, highest / run.recording["unit_qps"]


def refused_in_controls(run):
    played = [run.phases[name] for name in ("P0", "P8", "P9") if name in run.phases]
    return sum(total(run.honest("refused"), seconds) for seconds in played) if played else None


def tally(rows):
    """How many rows have which verdict, in words."""
    counts = {word: sum(row["verdict"] == word for row in rows) for word in MARKS}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def headline(group):
    """The figures a person asks for first."""
    runs = group.runs
    highest, multiple = max(peak(run) for run in runs)
    refused = [value for value in map(refused_in_controls, runs) if value is not None]
    rows = group.summary["rows"]
    passed = sum(row["verdict"] == score.PASS for row in rows)
    judged = passed + sum(row["verdict"] == score.MISSED for row in rows)
    entries = [
        (in_all(runs, "first_ok", "resolutions"), "",
         "of honest first tries answered during the waves, each within 800 ms"),
        (in_all(runs, "resolved", "resolutions"), "", "of honest resolutions succeeded during the waves, within 5 s"),
        (f"{multiple:.0f} × L", f"{figures.thousands(highest)}/s", "attack packets at one POP, at the peak"),
        (score.count_text(max(refused)) if refused else "–", "",
         "honest packets refused in peace and in the controls"),
        (f"{passed} of {judged}", "rows", "of the score card passed, among those measured"),
    ]
    inner = "".join(f"<div><dd>{escape(value)}{f'<small>{escape(unit)}</small>' if unit else ''}</dd>"
                    f"<dt>{escape(what)}</dt></div>" for value, unit, what in entries)
    return f'<dl class="figures">{inner}</dl>'


def in_all(runs, part, whole):
    """The median over the seeds."""
    values = [value for value in (in_waves(run, part, whole) for run in runs) if value is not None]
    return percent(statistics.median(values)) if values else "–"


def cautions(groups):
    for group in groups:
        for card in group.cards:
            which = f"{group.name}, seed {card['seed']}: " if len(groups) + len(group.cards) > 2 else ""
            for caution in card["cautions"]:
                yield f'<p class="caution">{escape(which + caution)}.</p>'
        if len(group.runs) < score.RUNS_WANTED and len(groups) == 1:
            yield (f'<p class="note">{plural_runs(len(group.runs))}; the card asks for the median and the worst of '
                   f"at least {score.RUNS_WANTED}.</p>")


def plural_runs(count):
    return "One run" if count == 1 else f"{count} runs"


# Tables


def group_row(name, columns):
    return f'<tr class="group"><th colspan="{columns}" scope="colgroup">{escape(name)}</th></tr>'


def card_table(group):
    """The score card of one server."""
    is_several = len(group.runs) > 1
    head = ["", "wanted", *(("median", "worst") if is_several else ("measured",)), "verdict", "where"]
    body = []
    rows = {row["key"]: row for row in group.summary["rows"]}
    for name, part in score.CARD.items():
        body.append("<tbody>" + group_row(name, len(head)))
        body += [card_row(row, rows[row.key], is_several) for row in part]
        body.append("</tbody>")
    heads = "".join(f'<th scope="col"{numeric(word)}>{word}</th>' for word in head)
    return f'<div class="scroll"><table class="card"><thead><tr>{heads}</tr></thead>{"".join(body)}</table></div>'


def numeric(word):
    return ' class="number"' if word in ("median", "measured", "worst") else ""


def card_row(row, found, is_several):
    median, worst = ("" if found[key] is None else escape(row.say(found[key])) for key in ("median", "worst"))
    often = f"{found['passed']} of {found['runs']} pass" if is_several and 0 < found["passed"] < found["runs"] else ""
    where = "; ".join(filter(None, (often, found["text"])))
    cells = [f'<td class="wanted">{escape(row.wanted)}</td>', f'<td class="number">{median}</td>']
    cells += [f'<td class="number worst">{worst}</td>'] if is_several else []
    cells += [f'<td class="verdict-cell">{verdict(found["verdict"])}</td>', f'<td class="where">{escape(where)}</td>']
    away = ' class="away"' if found["verdict"] not in (score.PASS, score.MISSED) else ""
    return f'<tr{away}><th scope="row">{escape(row.title)}</th>{"".join(cells)}</tr>'


def servers_table(groups):
    """The score cards of several servers beside one another: medians, and the worst seed's verdict."""
    head = "".join(f'<th scope="col">{escape(group.name)}</th>' for group in groups)
    body = []
    for name, part in score.CARD.items():
        body.append("<tbody>" + group_row(name, len(groups) + 2))
        for row in part:
            found = [next(one for one in group.summary["rows"] if one["key"] == row.key) for group in groups]
            cells = "".join(f"<td>{server_cell(row, one)}</td>" for one in found)
            body.append(f'<tr><th scope="row">{escape(row.title)}</th><td class="wanted">{escape(row.wanted)}</td>'
                        f"{cells}</tr>")
        body.append("</tbody>")
    head = f'<thead><tr><th></th><th scope="col" class="wanted">wanted</th>{head}</tr></thead>'
    return f'<div class="scroll"><table class="sticky">{head}{"".join(body)}</table></div>'


def server_cell(row, found):
    if found["median"] is None:
        return verdict(found["verdict"])
    kind = found["verdict"] if found["verdict"] in (score.PASS, score.MISSED) else "away"
    mark = f'<i title="{kind}">{MARKS[found["verdict"]]}</i>'
    return f'<span class="verdict {kind}">{mark}{escape(row.say(found["median"]))} <small>{kind}</small></span>'


def plain_table(lines, style):
    """Cells of a text table: the first line is the head; a line with nothing but its title opens a group."""
    head, *rest = lines
    out = [f'<div class="scroll"><table class="{style}"><thead><tr><th></th>']
    out += [f'<th scope="col" class="number">{escape(cell)}</th>' for cell in head[1:]]
    out.append("</tr></thead><tbody>")
    for line in rest:
        if not any(line[1:]):
            out.append("</tbody><tbody>" + group_row(line[0], len(head)))
            continue
        cells = "".join(f'<td class="number">{cell_html(cell)}</td>' for cell in line[1:])
        out.append(f'<tr><th scope="row">{escape(line[0].strip())}</th>{cells}</tr>')
    return "".join(out) + "</tbody></table></div>"


def cell_html(cell):
    """A median, and the worst of the seeds in softer letters."""
    median, bracket, worst = cell.partition(" (")
    return escape(median) + (f' <span class="worst-of">({escape(worst)}</span>' if bracket else "")


# The page


def one_server(group):
    seeds = "" if len(group.runs) == 1 else " Numbers are the median over the seeds, and the worst of them."
    phases = "" if len(group.runs) == 1 else f" Of seed {group.cards[0]['seed']}."
    note = escape(score_note(group) + seeds)
    return [
        "<header>", '<p class="eyebrow">Dyn-class drill</p>', f"<h1>{escape(group.name)}</h1>",
        f'<p class="lead">{escape(lead(group))}</p>', common_facts([group]), *cautions([group]), "</header>",
        headline(group),
        f'<section><h2>Score card</h2><p class="note">{note}</p>', card_table(group), "</section>",
        f'<section><h2>Over time</h2><p class="note">{GROUND} Rest the mouse on a second to read its values.</p>',
        phase_key(group), *figures.of_server(group), "</section>",
        f'<section><h2>Phases</h2><p class="note">Honest tries and attack packets a second are those of all POPs '
        f"together.{phases}</p>", plain_table(list(score.phase_lines(group.cards[0])), "dense sticky"),
        *(plain_table(list(score.wave_lines(card)), "dense sticky") for card in group.cards[:1] if card["waves"]),
        "</section>",
    ]


def lead(group):
    """What was done to the server, in a sentence."""
    run = group.runs[0]
    waves = len(run.waves)
    what = {0: "No wave of attack", 1: "One wave of attack", 2: "Two waves of attack", 3: "Three waves of attack"}
    seeds = "" if len(group.runs) == 1 else f", {len(group.runs)} times with different seeds"
    return (f"{what.get(waves, f'{waves} waves of attack')} in {len(run.played)} seconds, against {len(run.pops)} POPs "
            f"that go on serving an honest population of resolvers{seeds}.")


def lead_of_many(groups):
    """What the servers had in common; no more than is so."""
    shared = [
        ("seeds", [sorted(str(card["seed"]) for card in group.cards) for group in groups]),
        ("machine", [[card["machine"] for card in group.cards] for group in groups]),
        ("rate", [[card["unit_qps"] for card in group.cards] for group in groups]),
    ]
    same = [name for name, values in shared if all(value == values[0] for value in values)]
    return "The same drill against each of them" + (f": the same {' and the same '.join(same)}." if same else ".")


def phase_key(group):
    """The names of the phases, for narrow pages, whose plots have no room for all of them."""
    return f'<p class="note narrow">{escape("; ".join(map(recording.phase_title, group.first.phases)))}.</p>'


def score_note(group):
    return (f"{tally(group.summary['rows'])}. A share is judged over no fewer packets than let {recording.FEWEST} of "
            f"them fail: for 99 % that is {recording.enough(0.99)}.")


def many_servers(groups):
    *names, last = [group.name for group in groups]
    compared = compare.Comparison([run for group in groups for run in group.all_runs])
    return [
        "<header>", '<p class="eyebrow">Dyn-class drill</p>', f"<h1>{escape(', '.join(names))} and {escape(last)}</h1>",
        f'<p class="lead">{escape(lead_of_many(groups))}</p>',
        common_facts(groups), *cautions(groups), "</header>",
        f'<section><h2>Over one another</h2><p class="note">{GROUND}</p>', phase_key(groups[0]),
        figures.overlay(groups), "</section>",
        '<section><h2>Phase by phase</h2><p class="note">Median over the seeds; in brackets the worst of them, where '
        "it differs.</p>",
        plain_table(list(compared.lines()), "dense sticky"), "</section>",
        '<section><h2>Score cards</h2><p class="note">Medians over the seeds. A row is passed by a server that passes '
        "it with every seed.</p>", servers_table(groups), "</section>",
        '<section><h2>Side by side</h2><p class="note">Each row of plots has one scale.</p>',
        *figures.side_by_side(groups), "</section>",
    ]


def page(runs):
    """The HTML of one page over all these runs."""
    groups = [Group(name, members) for name, members in recording.by_server(runs).items()]
    title = f"Drill: {', '.join(group.name for group in groups)}"
    body = one_server(groups[0]) if len(groups) == 1 else many_servers(groups)
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<title>{html.escape(title)}</title>",
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>", "</head>", "<body>", "<main>", *body,
        "<footer>Made by lab/page.py of Seawall from recording.json and run.json. What the rows demand, and how they "
        "are measured: lab/measures.py.</footer>", "</main>", "</body>", "</html>", "",
    ])


def main():
    parser = argparse.ArgumentParser(description="Makes a page of the runs in these directories.")
    parser.add_argument("directories", nargs="+", metavar="DIR")
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    words = parser.parse_args()
    text = page([recording.load(directory) for directory in words.directories])
    pathlib.Path(words.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
