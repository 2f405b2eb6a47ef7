#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers beside one another: python3 lab/compare.py DIR... [--markdown] prints one table over all runs.

Medians over the seeds, and in brackets the worst of them. What was not measured stays empty; a share of nothing too.
"""

import statistics
import sys

import recording
import score
from measures import duration, percent
from recording import phase_title

CONTROLS = ("P0", "P8", "P9")


def cell(values, say, worst):
    """A server's median, and in brackets the worst if it reads otherwise."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    median, extreme = say(statistics.median(values)), say(worst(values))
    return median if median == extreme else f"{median} ({extreme})"


def megabytes(value):
    return f"{value / 1e6:,.0f} MB"


class Comparison:
    """The scores of all runs, by server: in order of appearance."""

    def __init__(self, runs):
        self.groups = recording.by_server(runs)
        self.cards = {name: [score.score(run) for run in group] for name, group in self.groups.items()}
        self.phases = list(dict.fromkeys(phase for run in sorted(runs, key=lambda run: -len(run.phases))
                                         for phase in run.phases))

    def _phase_cells(self, phase, field, say, worst):
        for cards in self.cards.values():
            yield cell([row[field] for card in cards for row in card["phases"] if row["phase"] == phase], say, worst)

    def _memory_cells(self, key):
        for group in self.groups.values():
            yield cell([(run.facts.get("memory") or {}).get(key) for run in group], megabytes, max)

    def _verdict_cells(self, verdict):
        """The rows of the score card with this verdict, in the summary over a server's runs."""
        for cards in self.cards.values():
            yield str(sum(row["verdict"] == verdict for row in score.summary(cards)["rows"]))

    def parts(self):
        """[(title, [[row's title, a cell for each server]])], without rows that nobody has a figure for."""
        yield "First tries answered within 800 ms", self._by_phase("first_rate", percent, min)
        yield "Resolved within 5 s, retries included", self._by_phase("resolution_rate", percent, min)
        yield "Latency p99 of answered first tries", self._by_phase("latency_p99_us", duration, max)
        yield "Honest packets refused", self._by_phase("refused", score.count_text, max, CONTROLS)
        yield "Memory", [["before", *self._memory_cells("before_bytes")], ["after", *self._memory_cells("after_bytes")]]
        yield "Rows of the score card", [[verdict, *self._verdict_cells(verdict)] for verdict in
                                         (score.PASS, score.MISSED, score.NOT_REPORTED, score.NOT_MEASURED)]

    def _by_phase(self, field, say, worst, among=None):
        return [[phase_title(phase), *self._phase_cells(phase, field, say, worst)] for phase in self.phases
                if among is None or phase in among]

    def lines(self):
        """Rows of cells for the plain table: servers first, then each part under its title."""
        yield ["", *self.groups]
        yield ["runs", *(str(len(group)) for group in self.groups.values())]
        for title, rows in self.parts():
            rows = [row for row in rows if any(row[1:])]
            if rows:
                yield [title, *("" for _ in self.groups)]
                yield from (["  " + row[0], *row[1:]] for row in rows)


def markdown(lines):
    for number, line in enumerate(lines):
        is_title = number > 0 and not any(line[1:])
        yield "| " + " | ".join([f"**{line[0]}**" if is_title else line[0].strip(), *line[1:]]) + " |"
        if number == 0:
            yield "|---" + "|---:" * (len(line) - 1) + "|"


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not words or set(sys.argv[1:]) - {*words, "--markdown"}:
        sys.exit("lab/compare.py DIR... [--markdown]    one table over the runs in these directories")
    lines = Comparison([recording.load(word) for word in words]).lines()
    print("\n".join(markdown(lines)) if "--markdown" in sys.argv else score.table_text(lines))


if __name__ == "__main__":
    main()
