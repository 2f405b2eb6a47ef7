#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table, and what Seawall set out to reach: from the figures of run.py, or from the file that it saved."""

import json
import statistics
import sys

import cost
import live
import rows

SATURATED = 0.9


class Figures:
    """Medians over the rounds."""

    def __init__(self, data):
        self.data = data
        self.servers = list(dict.fromkeys(result["server"] for result in data["results"]))

    def _runs(self, server, key):
        for result in self.data["results"]:
            if result["server"] == server and key in result["rows"]:
                yield result["rows"][key]

    def _median(self, server, key, value):
        values = [value(run) for run in self._runs(server, key)]
        return statistics.median(values) if values else None

    def cost_ns(self, server, key):
        """CPU time of the server's core for each right answer."""
        return self._median(server, key, lambda run: run["runtime_ns"] / max(1, answered(run)))

    def rate(self, server, key):
        return self._median(server, key, lambda run: answered(run) * 1e9 / run["elapsed_ns"])

    def busy(self, server, key):
        return self._median(server, key, lambda run: run["runtime_ns"] / run["elapsed_ns"])

    def lost_share(self, server, key):
        return self._median(server, key, lambda run: run["lost"] / max(1, run["sent"]))

    def share(self, server, key):
        """Of the flood, what was answered."""
        return self._median(server, key, lambda run: run["right"] / max(1, run["sent"]))

    def honest_share(self, server, key):
        return self._median(server, key, lambda run: run["honest_right"] / max(1, run["honest_sent"]))

    def program_ns(self, server, key):
        """The XDP program alone, by BPF_PROG_RUN."""
        values = [run["program_ns"] for run in self._runs(server, key) if "program_ns" in run]
        return statistics.median(values) if values else None

    def spread(self, server, key):
        """The widest run's distance from the median, of the cost."""
        costs = [run["runtime_ns"] / max(1, answered(run)) for run in self._runs(server, key)]
        middle = statistics.median(costs)
        return max(abs(cost - middle) for cost in costs) / middle

    def wrong(self, server, key):
        """Answers of another kind than expected, and sampled answers that did not hold."""
        return sum(sum(run["received"].values()) - run["right"] + run["wrong"] for run in self._runs(server, key))

    def _whole(self, server, zones, value):
        values = [value(result) for result in self.data["results"]
                  if result["server"] == server and result["zones"] == zones and "load_s" in result]
        return statistics.median(values) if values else None

    def load_s(self, server, zones):
        return self._whole(server, zones, lambda result: result["load_s"])

    def memory_bytes(self, server, zones):
        return self._whole(server, zones, lambda result: result["process_bytes"] + result["map_bytes"])


def answered(run):
    return run["right"] + run["honest_right"]


def count(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.{2 if value < 10 * size else 0 if value >= 100 * size else 1}f}{unit}"
    return f"{value:.0f}"


def table_lines(figures):
    """Rows of cells: for each row of the bench the cost, and below it the rate."""
    yield ["", *figures.servers]
    for row in rows.ROWS:
        costs, rates = [row.title], ["  answered/s, losses"]
        for server in figures.servers:
            cost, rate = figures.cost_ns(server, row.key), figures.rate(server, row.key)
            costs.append("" if cost is None else f"{cost:,.0f} ns{'!' if figures.wrong(server, row.key) else ''}")
            rates.append("" if rate is None else rate_cell(figures, server, row, rate))
        if any(costs[1:]):
            yield costs
            yield rates
            programs = [figures.program_ns(server, row.key) for server in figures.servers]
            if any(program is not None for program in programs):
                yield ["  program alone"] + ["" if p is None else f"{p:.0f} ns" for p in programs]
    for zones, title in (("million", "1M addresses"), ("delegations", "1M delegations"), ("eight", "8M addresses")):
        loads = [figures.load_s(server, zones) for server in figures.servers]
        sizes = [figures.memory_bytes(server, zones) for server in figures.servers]
        if any(loads):
            yield [f"{title}: load"] + ["" if load is None else f"{load:.2f} s" for load in loads]
            yield ["  memory"] + ["" if size is None else f"{size / 1e6:,.0f} MB" for size in sizes]


def rate_cell(figures, server, row, rate):
    mark = "+" if figures.busy(server, row.key) < SATURATED else ""
    if row.is_flood:
        return f"{count(rate)}{mark} {figures.share(server, row.key):.0%}"
    lost = figures.lost_share(server, row.key)
    return f"{count(rate)}{mark}" + (f" {lost:.1e}" if lost else "")


def print_table(lines):
    lines = list(lines)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def print_markdown(lines):
    for number, line in enumerate(lines):
        print("| " + " | ".join(cell.strip() for cell in line) + " |")
        if number == 0:
            print("|---" + "|---:" * (len(line) - 1) + "|")


NOTES = """\
ns: CPU time of the server's core for each right answer, receiving included; below it answers per second on that core.
+   the core was not full: the generator, or the window of queries in flight, set the rate.
!   some answers were not what the zone says; see the JSON file.
Program alone: by BPF_PROG_RUN on one core, a fresh packet each time, without the receive path.
Flood: the share of all queries sent that was answered."""


# What Seawall set out to reach: (what, measured value, at most or at least, limit).
def goals(figures):
    cost, own = figures.cost_ns, "seawall"

    def ratio(above, below):
        return above / below if above and below else None

    reflector = cost("reflector", "hits-1k")
    for key in ("hits-1k", "nx-1k"):
        yield f"{key}: cost over the plain reflector's", ratio(cost(own, key), reflector), "<=", 2
    for key, knot, nsd in (("hits-1k", 10, 20), ("nx-1k", 10, 20), ("hits-1m", 10, None), ("nx-1m", 10, None),
                           ("ref-1m", 10, None)):
        yield f"{key}: answers per CPU-second over Knot's with AF_XDP", \
            ratio(cost("knot-xdp", key), cost(own, key)), ">=", knot
        yield f"{key}: answers per CPU-second over NSD's", ratio(cost("nsd", key), cost(own, key)), ">=", nsd
    yield "signed hits over unsigned", ratio(cost(own, "signed-hits"), cost(own, "hits-1k")), "<=", 1.3
    for key, small in (("hits-1m", "hits-1k"), ("nx-1m", "nx-1k"), ("ref-1m", "hits-1k")):
        yield f"{key} over {small}", ratio(cost(own, key), cost(own, small)), "<=", 2.2
    for key, small in (("hits-8m", "hits-1k"), ("nx-8m", "nx-1k")):
        yield f"{key} over {small}", ratio(cost(own, key), cost(own, small)), "<=", 2.8
    yield "random names 40 labels deep over 4 (flat)", ratio(cost(own, "nx-40"), cost(own, "nx-4")), "<=", 1.5
    yield "flood: answered/s over Knot's with AF_XDP", \
        ratio(figures.rate(own, "flood"), figures.rate("knot-xdp", "flood")), ">=", 5
    yield "flood: answered/s over NSD's", ratio(figures.rate(own, "flood"), figures.rate("nsd", "flood")), ">=", 25
    yield "flood: honest share answered over the flood's", \
        ratio(figures.honest_share(own, "flood"), figures.share(own, "flood")), ">=", 0.98
    yield "signed NXDOMAIN with NSEC over unsigned", ratio(cost(own, "nx-nsec"), cost(own, "nx-1k")), "<=", 3
    yield "signed NXDOMAIN with NSEC3 over unsigned", ratio(cost(own, "nx-nsec3"), cost(own, "nx-1k")), "<=", 6
    for zones in ("million", "delegations"):
        loads = [figures.load_s(server, zones) for server in ("knot", "knot-xdp", "nsd")]
        sizes = [figures.memory_bytes(server, zones) for server in ("knot", "knot-xdp", "nsd", "bind", "pdns")]
        yield f"{zones}: load over the fastest of Knot and NSD", \
            ratio(figures.load_s(own, zones), min(filter(None, loads), default=None)), "<=", 0.45
        yield f"{zones}: memory over the leanest of the others", \
            ratio(figures.memory_bytes(own, zones), min(filter(None, sizes), default=None)), "<=", 0.5
    yield "sockets alone: cost of a hit over NSD's", ratio(cost("seawall-sockets", "hits-1k"), cost("nsd", "hits-1k")), \
        "<=", 1


def goal_lines(figures):
    for what, value, sense, limit in goals(figures):
        if value is None:
            continue
        if limit is None:
            yield [what, f"{value:.2f} x", "", ""]
            continue
        reached = value <= limit if sense == "<=" else value >= limit
        yield [what, f"{value:.2f} x", f"{sense} {limit}", "ok" if reached else "MISSED"]


def print_all(data, print_lines=print_table):
    figures = Figures(data)
    where = data["machine"]
    print(f"\n{where['cpu']}, {where['cores']} cores, Linux {where['kernel']}, {data['date']}; "
          f"median of {data['runs']}, {data['seconds']:g} s each")
    print(", ".join(f"{name} {version}" for name, version in data["versions"].items()) + "\n")
    print_lines(table_lines(figures))
    print("\n" + NOTES)
    lines = list(goal_lines(figures))
    if lines:
        print("\nSet out to reach:\n")
        print_lines([["", "measured", "wanted", ""], *lines])


def main():
    is_markdown = "--markdown" in sys.argv[1:]
    files = [word for word in sys.argv[1:] if not word.startswith("-")]
    if len(files) != 1:
        sys.exit("bench/report.py [--markdown] FILE    prints the table of figures that script/bench has saved")
    with open(files[0], encoding="utf-8") as results:
        figures = json.load(results)
    printer = cost.print_all if "way" in figures else live.print_all if "live" in figures else print_all
    printer(figures, print_markdown if is_markdown else print_table)


if __name__ == "__main__":
    main()
