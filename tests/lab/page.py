# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill's page: well formed, complete in itself, readable for what was played, and drawn by a real browser."""

import functools
import html.parser
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib
from pathlib import Path

import tap

HERE = Path(__file__).resolve().parent
LAB = tap.ROOT / "lab"
sys.path[:0] = [str(LAB), str(HERE)]
sys.dont_write_bytecode = True
import page  # noqa: E402  pylint: disable=wrong-import-position
import plot  # noqa: E402  pylint: disable=wrong-import-position
import png  # noqa: E402  pylint: disable=wrong-import-position
import recording  # noqa: E402  pylint: disable=wrong-import-position
import synthetic  # noqa: E402  pylint: disable=wrong-import-position

VOID = {"meta", "link", "br", "hr", "img", "input"}
SVG = "{http://www.w3.org/2000/svg}"
WIDTH, HEIGHT = 1280, 2400
LINE = (0x1F, 0x5F, 0xA8)  # --c0 of page.css, on paper that is light
PAPER = (0xFC, 0xFB, 0xF8)


def run_of(server="seawall", **options):
    return recording.Run(*synthetic.make(server, **options))


def without_facts(run):
    return recording.Run(run.recording)


def silent():
    """A run in which nobody sent anything."""
    record, facts = synthetic.make("seawall", phases=("P0", "P2"))
    nothing = []
    for entry in record["honest"]:
        entry.update(dict.fromkeys(synthetic.FIELDS, nothing))
    for entry in record["vectors"]:
        entry["sent"] = nothing
    record.update(latency_us=[], own={}, groups={})
    return recording.Run(record, {**facts, "cpu": [], "stubs": {}})


@functools.cache
def pages():
    """Pages of all kinds of runs."""
    return {
        "one": page.page([run_of()]),
        "seeds": page.page([run_of("bind", seed=seed) for seed in (1, 2)]),
        "servers": page.page([run_of(server, seed=seed, phases=("P0", "P2", "P9"))
                              for server in ("seawall", "knot", "bind") for seed in (1, 2)]),
        "few phases": page.page([run_of(phases=("P0", "P8"))]),
        "unequal": page.page([run_of(), run_of(seed=2, phases=("P0", "P2")), run_of("nsd", phases=("P0", "P2"))]),
        "no run.json": page.page([without_facts(run_of("nsd", phases=("P0", "P2")))]),
        "silent": page.page([silent()]),
    }


class Nesting(html.parser.HTMLParser):
    """Elements that are closed in the order in which they were opened."""

    def __init__(self):
        super().__init__()
        self.open, self.faults = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> in line {self.getpos()[0]}")


def check_nesting():
    """Every element is closed, in order."""
    for name, text in pages().items():
        parser = Nesting()
        parser.feed(text)
        parser.close()
        yield from (f"{name}: {fault}" for fault in [*parser.faults[:3], *parser.open])


def pictures(text):
    """The plots of a page, as XML."""
    return [xml.etree.ElementTree.fromstring(found) for found in
            re.findall(r'<svg xmlns=.*?</svg>(?=</div>|</figure>)', text, re.DOTALL)]


def check_pictures():
    """Every plot is XML, has a name, a time axis, phases and a unit, and no coordinate that is no number."""
    for name, text in pages().items():
        found = pictures(text)
        if len(found) != text.count("<svg xmlns="):
            yield f"{name}: {len(found)} pictures read of {text.count('<svg xmlns=')}"
        for picture in found:
            words = [element.text or "" for element in picture.iter(f"{SVG}text")]
            title = picture.get("aria-label")
            for wanted in ("seconds since the drill began", "P0", "0"):
                if wanted not in words:
                    yield f"{name}, {title}: no {wanted}"
            if "nan" in "".join(path.get("d") for path in picture.iter(f"{SVG}path")):
                yield f"{name}, {title}: nan"


def check_no_resource():
    """Nothing is fetched from elsewhere, and nothing is run."""
    for name, text in pages().items():
        for pattern in ("<script", "<link", "<img", "<iframe", r"\bsrc=", r"\bhref=", r"url\(", "@import", r"\bon\w+="):
            if re.search(pattern, text):
                yield f"{name}: {pattern}"
        places = set(re.findall(r"\w+://[^\s\"']*", text)) - {"http://www.w3.org/2000/svg"}
        yield from (f"{name}: {place}" for place in places)


def check_words():
    """Verdicts are said in words; what was not recorded is not drawn."""
    for name, wanted in (("one", "</i>pass"), ("one", "One run"), ("one", "Stub clients"), ("seeds", "</i>missed"),
                         ("seeds", "</i>not reported"), ("few phases", "</i>not measured"),
                         ("servers", "Side by side")):
        if wanted not in pages()[name]:
            yield f"{name}: no {wanted}"
    for name in ("no run.json", "silent"):
        if "Stub clients" in pages()[name]:
            yield f"{name}: stub clients"
    if "none in any second" not in pages()["one"] or "none in any second" in pages()["seeds"]:
        yield "remark on refusals"


def check_readings():
    """Resting the mouse on a second shows its values."""
    titles = [title.text.replace("\u00a0", " ") for picture in pictures(pages()["one"])
              for title in picture.iter(f"{SVG}title")]
    for wanted in ("10 s, P0 peace\nus-east 100 %", "us-east: syn 59", "80 s, P2 wave 1\np99 "):
        if not any(wanted in title for title in titles):
            yield f"no reading like {wanted!r}"


def check_escaping():
    """What a server is called cannot become part of the page."""
    record, facts = synthetic.make("seawall", phases=("P0", "P2"))
    facts.update(server="<script>&", machine={"cpu": '"><b>'})
    record["pops"] = ["<i>", "b", "c", "d"]
    text = page.page([recording.Run(record, facts)])
    yield from (f"{bad} in the page" for bad in ("<script", '"><b>', "<i>\n", "<i><") if bad in text)


def check_machine():
    """A machine is described by whatever is known of it."""
    full = {"cpu": "EPYC", "cores": 2, "kernel": "6.1", "virtual": "kvm"}
    for machine, wanted in ((full, "EPYC, 2 cores, Linux 6.1, virtual kvm"), (None, ""),
                            ({"memory_bytes": 8 << 30}, "8 GiB")):
        if page.machine_text(machine) != wanted:
            yield f"{machine}: {page.machine_text(machine)}"


# Drawing


def check_scales():
    """Ticks are round, and reach from below the lowest to above the highest value."""
    for highest, steps, wanted in ((1, 2, [0, 0.5, 1]), (7, 4, [0, 2, 4, 6, 8]), (96_000, 2, [0, 50_000, 100_000])):
        got = [round(value, 9) for value, _ in plot.linear(highest, str, steps=steps).ticks]
        if got != wanted:
            yield f"up to {highest}: {got}, expected {wanted}"
    for lowest, highest, wanted in ((90, 240, [50, 100, 200, 500]), (100, 30_000, [100, 1000, 10_000, 100_000])):
        got = [value for value, _ in plot.logarithmic(lowest, highest, str).ticks]
        if got != wanted:
            yield f"{lowest} to {highest}: {got}, expected {wanted}"


def check_gaps():
    """A line has a gap where there is no value."""
    got = plot.pieces([None, 1, 2, None, None, 3])
    if got != [(1, [1, 2]), (5, [3])]:
        yield f"{got}"


def check_labels():
    """Labels beside the lines do not cover each other, and stay as near as they can."""
    for wanted, places in (([50, 50, 50], [50, 64, 78]), ([10, 100], [10, 100]), ([99, 100], [86, 100])):
        got = plot.spread(wanted, 0, 100)
        if got != places:
            yield f"{wanted}: {got}, expected {places}"


# The browser


def filtered(rows, kind, step):
    """Rows with one of PNG's filters before them (W3C PNG s9): the inverse of what is tested."""
    above = bytes(len(rows[0]))
    for row in rows:
        left = bytes(step) + row[:-step]
        corner = bytes(step) + above[:-step]
        guesses = [(0, a, b, (a + b) // 2, png.paeth(a, b, c))[kind] for a, b, c in zip(left, above, corner)]
        yield bytes([kind]) + bytes((byte - guess) & 255 for byte, guess in zip(row, guesses))
        above = row


def check_decoder():
    """Pictures with each of the five filters are read as they were."""
    rows = [bytes((x * x + 7 * y * x + 31 * y) & 255 for x in range(12 * 3)) for y in range(5)]
    for kind in range(5):
        parts = [(b"IHDR", struct.pack(">IIBBBBB", 12, 5, 8, 2, 0, 0, 0)),
                 (b"IDAT", zlib.compress(b"".join(filtered(rows, kind, 3)))), (b"IEND", b"")]
        data = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in parts)
        if png.Picture(data).rows != rows:
            yield f"filter {kind}"


def screenshot(text):
    """The picture a browser makes of a page, through the command that writes the page."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        place = Path(directory)
        (place / "page.html").write_text(text, encoding="utf-8")
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             f"--user-data-dir={place / 'profile'}", f"--screenshot={place / 'page.png'}",
             f"--window-size={WIDTH},{HEIGHT}", (place / "page.html").as_uri()],
            check=True, capture_output=True, timeout=60)
        return png.Picture((place / "page.png").read_bytes())


def check_browser():
    """A browser draws the page: text, several colours, and the line in the plots."""
    if not shutil.which("chromium"):
        yield "chromium is not installed (script/bootstrap --test)"
        return
    picture = screenshot(pages()["few phases"])
    if (picture.width, picture.height) != (WIDTH, HEIGHT):
        yield f"{picture.width} x {picture.height}"
    colours = picture.colours(top=HEIGHT // 2)
    if len(colours) < 100:
        yield f"{len(colours)} colours in the lower half"
    if colours.get(LINE, 0) < 500:
        yield f"{colours.get(LINE, 0)} pixels of the line"
    paper = colours.get(PAPER, 0) / (WIDTH * HEIGHT / 2)
    if not 0.5 < paper < 0.98:
        yield f"{paper:.0%} of the lower half are bare paper"


def check_command():
    """The command writes the page of its directories."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        place = Path(directory)
        synthetic.write(place / "run", synthetic.make("seawall", phases=("P0",)))
        ran = subprocess.run([sys.executable, "-B", LAB / "page.py", place / "run", "-o", place / "page.html"],
                             capture_output=True, text=True, check=False)
        if ran.returncode or "seawall 0.1.0" not in (place / "page.html").read_text(encoding="utf-8"):
            yield f"{ran.returncode}: {ran.stderr}"


if __name__ == "__main__":
    tap.run(globals())
