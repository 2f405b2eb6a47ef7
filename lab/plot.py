# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots over the seconds of a drill, as SVG: lanes above one another that share the time and the shaded phases.

Colours are classes (c0, c1, ...) that the page's style sheet defines, so that one picture serves light, dark and
paper. Resting the mouse on a second shows its values; that needs no script, only a <title>.
"""

import dataclasses
import functools
import html
import math
import re
from collections.abc import Callable

TOP = 34  # above the lanes: the names of the phases
TITLE = 20  # below those: the name of the first lane, if it has one
BOTTOM = 34  # below them: the time
LANE_GAP = 30
LABEL_GAP = 14
COLOURS = 10
TICKS_S = (10, 15, 30, 60, 120, 300, 600)


@dataclasses.dataclass(frozen=True)
class Shade:
    """A span of time with a name and a kind: "peace", "wave", "thin", "control" or "muted"."""

    name: str
    title: str
    start: int
    end: int
    kind: str


@dataclasses.dataclass(frozen=True)
class Frame:
    """What all lanes of a plot have in common."""

    width: int
    left: int
    right: int
    seconds: int
    shades: list
    read_every_s: int = 1  # how many seconds share a reading; 0 where there is no mouse

    def x(self, second):
        return self.left + (self.width - self.left - self.right) * second / self.seconds

    @property
    def pixels_each(self):
        return (self.width - self.left - self.right) / self.seconds


@dataclasses.dataclass(frozen=True)
class Scale:
    """From values to heights: ticks are (value, text), the first and the last of them the ends."""

    ticks: list
    say: Callable
    is_log: bool = False
    headroom: float = 0.0

    def part(self, value):
        """0 at the bottom, 1 at the top."""
        low, high = self.ticks[0][0], self.ticks[-1][0]
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return min(1, (value - low) / ((high - low) * (1 + self.headroom)))


@dataclasses.dataclass(frozen=True)
class Line:
    """A value for each second; None leaves a gap."""

    label: str
    values: list
    colour: int
    is_stepped: bool = False


@dataclasses.dataclass(frozen=True)
class Band:
    """Between two values for each second: a layer of a stack, or a range around a line."""

    label: str
    lows: list
    highs: list
    colour: int
    is_range: bool = False

    @functools.cached_property
    def values(self):
        return [None if high is None else high - low for low, high in zip(self.lows, self.highs)]


@dataclasses.dataclass(frozen=True)
class Lane:
    """One plot area. Of what is drawn into it, lines are named at its right edge."""

    title: str
    height: int
    scale: Scale
    layers: list
    unit: str = ""  # of the ticks; said once, by the first lane
    rule: tuple | None = None  # (value, text): a limit to compare with
    remark: str = ""  # in the middle, where there is nothing to see
    is_cut: bool = False  # what lies below the scale leaves the lane


def stack(labels, series):
    """Bands on top of one another, the first at the bottom."""
    bottom = [0] * max((len(values) for values in series), default=0)
    for colour, (label, values) in enumerate(zip(labels, series)):
        top = [below + (value or 0) for below, value in zip(bottom, values)]
        yield Band(label, bottom, top, colour % COLOURS)
        bottom = top


def linear(highest, say, lowest=0, steps=4, headroom=0.0):
    """From the lowest to a round number above the highest, in steps that are 1, 2 or 5 times a power of ten."""
    span = max(highest - lowest, 1e-9)
    power = 10 ** math.floor(math.log10(span / steps))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * steps >= span * (1 - 1e-9))
    count = max(1, math.ceil(span / step - 1e-9))
    values = [lowest + step * number for number in range(count + 1)]
    return Scale([(value, say(value)) for value in values], say, headroom=headroom)


def logarithmic(lowest, highest, say):
    """Decades, and 2 and 5 between them if there are few."""
    decades = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    factors = (1, 2, 5) if len(decades) <= 3 else (1,)
    values = [factor * 10.0**power for power in decades for factor in factors]
    low = max((value for value in values if value <= lowest), default=values[0])
    high = min((value for value in values if value > max(highest, low)), default=values[-1] * 10)
    ticks = [value for value in [*values, high] if low <= value <= high]
    texts = {value: say(value).replace(".00", "").replace(".0", "") for value in ticks}
    return Scale(list(texts.items()), say, is_log=True)


def number(value):
    return f"{value:.1f}".removesuffix(".0")


def escape(text):
    """For HTML and SVG; a number and its unit stay together."""
    return re.sub(r"(\d) (%|×|s\b|ms\b|µs\b)", "\\1\u00a0\\2", html.escape(str(text), quote=True))


def text_element(x, y, text, style, anchor="start"):
    return f'<text x="{number(x)}" y="{number(y)}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'


def chart(frame, lanes, title, key=()):
    """The whole plot. The key, (colour, name) from top to bottom, stands at the right, as the lines' names do."""
    first = TOP + (TITLE if lanes[0].title else 0)
    tops = [first + sum(lane.height + LANE_GAP for lane in lanes[:count]) for count in range(len(lanes))]
    bottom = tops[-1] + lanes[-1].height
    height = bottom + BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {height}" role="img"'
             f' aria-label="{escape(title)}">']
    parts += [*phase_names(frame), text_element(0, TOP - 19, lanes[0].unit, "unit")]
    for lane, top in zip(lanes, tops):
        parts += shades(frame, top, lane.height)
        parts += axis(frame, lane, top)
        parts += cut(frame, lane, top, [drawn(frame, lane, top, layer) for layer in lane.layers])
        parts += labels(frame, lane, top)
        if lane.remark:
            centre = frame.x(frame.seconds / 2), top + lane.height / 2
            parts.append(text_element(*centre, lane.remark, "remark", "middle"))
    parts += side_key(frame, key, first)
    parts += time_axis(frame, bottom)
    parts += readings(frame, lanes, first, bottom - first)
    return "\n".join(filter(None, parts)) + "\n</svg>"


def phase_names(frame):
    """The number of each phase and below it its name, where they do not cover another one's: longer phases first."""
    for field, y, style, pixels in (("name", TOP - 19, "phase", 8), ("title", TOP - 7, "phase-title", 6.6)):
        taken = []
        for shade in sorted(frame.shades, key=lambda shade: shade.start - shade.end):
            text, middle = getattr(shade, field), frame.x((shade.start + shade.end) / 2)
            half = len(text) * pixels / 2
            is_free = all(middle + half < low or middle - half > high for low, high in taken)
            if text and is_free and middle + half < frame.width:
                taken.append((middle - half, middle + half))
                yield text_element(middle, y, text, style, "middle")


def shades(frame, top, height):
    for shade in frame.shades:
        x, width = frame.x(shade.start), (shade.end - shade.start) * frame.pixels_each
        yield (f'<rect class="shade {shade.kind}" x="{number(x)}" y="{top}" width="{number(width)}"'
               f' height="{height}"/>')


def axis(frame, lane, top):
    """Title, grid and what stands beside it."""
    right = frame.width - frame.right
    if lane.title:
        yield text_element(frame.left, top - 7, lane.title, "lane")
    for value, text in lane.scale.ticks:
        y = y_of(lane, top, value)
        yield f'<line class="grid" x1="{frame.left}" x2="{right}" y1="{number(y)}" y2="{number(y)}"/>'
        yield text_element(frame.left - 8, y + 4, text, "tick", "end")
    if lane.rule:
        value, text = lane.rule
        y = y_of(lane, top, value)
        yield f'<line class="rule" x1="{frame.left}" x2="{right}" y1="{number(y)}" y2="{number(y)}"/>'
        yield text_element(frame.left + 6, y + 14, text, "rule-text")


def side_key(frame, key, top):
    if frame.right < 40:
        return
    for place, (colour, name) in enumerate(key):
        x, y = frame.width - frame.right + 12, top + 20 * place
        yield f'<rect class="swatch c{colour}" x="{x}" y="{y}" width="12" height="12"/>'
        yield text_element(x + 19, y + 11, name, "key")


def time_axis(frame, bottom):
    step = next((step for step in TICKS_S if step * frame.pixels_each >= 48), TICKS_S[-1])
    for second in range(0, frame.seconds + 1, step):
        x = frame.x(second)
        yield f'<line class="grid" x1="{number(x)}" x2="{number(x)}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield text_element(x, bottom + 16, second, "tick", "middle")
    yield text_element(frame.x(frame.seconds), bottom + 30, "seconds since the drill began", "unit", "end")


def y_of(lane, top, value):
    return top + lane.height * (1 - lane.scale.part(value))


def pieces(values):
    """Runs of seconds that have a value: [(first second, [values])]."""
    found = []
    for second, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][0] + len(found[-1][1]) == second:
            found[-1][1].append(value)
        else:
            found.append((second, [value]))
    return found


def drawn(frame, lane, top, layer):
    if isinstance(layer, Band):
        path = "".join(band_path(frame, lane, top, layer, first, count) for first, count in
                       ((first, len(values)) for first, values in pieces(layer.highs)))
        return path and f'<path class="{"range" if layer.is_range else "area"} c{layer.colour}" d="{path}"/>'
    path = "".join(line_path(frame, lane, top, layer, first, values) for first, values in pieces(layer.values))
    return path and f'<path class="line c{layer.colour}" d="{path}"/>'


def cut(frame, lane, top, parts):
    """The parts within the lane alone, if it is cut: a picture within the picture ends at its edge."""
    if not lane.is_cut:
        return parts
    box = (frame.left, top, frame.width - frame.left - frame.right, lane.height)
    x, y, width, height = map(number, box)
    return [f'<svg class="cut" x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{x} {y} {width} {height}">',
            *parts, "</svg>"]


def line_path(frame, lane, top, line, first, values):
    heights = [number(y_of(lane, top, value)) for value in values]
    if line.is_stepped or len(values) == 1:
        steps = [f"{number(frame.x(first))},{heights[0]}"]
        for offset, height in enumerate(heights):
            if offset and height != heights[offset - 1]:
                steps += [f"H{number(frame.x(first + offset))}", f"V{height}"]
        return "M" + "".join(steps) + f"H{number(frame.x(first + len(values)))}"
    points = [f"{number(frame.x(first + offset + 0.5))},{height}" for offset, height in enumerate(heights)]
    return f"M{points[0]}L{' '.join(points[1:])}"


def band_path(frame, lane, top, band, first, count):
    """Along the upper edge and back along the lower one; nothing where both are the same."""
    seconds = range(first, first + count)
    if all(band.highs[second] == band.lows[second] for second in seconds):
        return ""
    above = edge(frame, lane, top, band, band.highs, seconds)
    below = edge(frame, lane, top, band, band.lows, seconds)
    return f"M{'L'.join([*above, *reversed(below)])}Z"


def edge(frame, lane, top, band, values, seconds):
    """Points of an edge: of a range in the middle of each second; of a layer at both its ends, for it is a count."""
    points = []
    for second in seconds:
        y = number(y_of(lane, top, values[second]))
        if band.is_range:
            points.append(f"{number(frame.x(second + 0.5))},{y}")
        else:
            points += [f"{number(frame.x(second))},{y}", f"{number(frame.x(second + 1))},{y}"]
    return [point for at, point in enumerate(points) if not 0 < at < len(points) - 1 or not is_between(points, at)]


def is_between(points, at):
    """Whether a point lies on a level line between its neighbours."""
    return len({point.partition(",")[2] for point in points[at - 1 : at + 2]}) == 1


def spread(wanted, low, high):
    """Heights for labels, as near to the wanted ones as they can be without covering each other."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    places, floor = {}, low
    for number_ in order:
        places[number_] = max(wanted[number_], floor)
        floor = places[number_] + LABEL_GAP
    ceiling = high
    for number_ in reversed(order):
        places[number_] = min(places[number_], ceiling)
        ceiling = places[number_] - LABEL_GAP
    return [places[number_] for number_ in range(len(wanted))]


def labels(frame, lane, top):
    """Each line's name beside its end."""
    if frame.right < 40:
        return
    lines = sorted((layer for layer in lane.layers if isinstance(layer, Line)), key=lambda line: line.colour)
    named = [(line, pieces(line.values)[-1][1][-1]) for line in lines if line.label and pieces(line.values)]
    ends = [y_of(lane, top, value) for _, value in named]
    for (line, _), end, place in zip(named, ends, spread(ends, top + 4, top + lane.height)):
        right = frame.width - frame.right
        yield (f'<path class="leader c{line.colour}" d="M{right + 3},{number(end)}L{right + 10},{number(place)}'
               f'H{right + 14}"/>')
        yield text_element(right + 18, place + 4, line.label, f"label c{line.colour}")


def readings(frame, lanes, top, height):
    """For each second an invisible strip, whose title names all values."""
    width = number(frame.pixels_each * frame.read_every_s)
    for second in range(0, frame.seconds, frame.read_every_s) if frame.read_every_s else ():
        shade = next((shade for shade in frame.shades if shade.start <= second < shade.end), None)
        lines = [f"{second} s" + (f", {shade.name} {shade.title}".rstrip() if shade else "")]
        for lane in lanes:
            lines += reading(lane, second)
        yield (f'<rect class="reading" x="{number(frame.x(second))}" y="{top}" width="{width}" height="{height}">'
               f'<title>{escape(chr(10).join(lines))}</title></rect>')


def reading(lane, second):
    values = [(layer, layer.values[second]) for layer in sorted(lane.layers, key=lambda layer: layer.colour)
              if second < len(layer.values) and layer.values[second] is not None and layer.label]
    said = [f"{layer.label} {lane.scale.say(value)}" for layer, value in values if value or isinstance(layer, Line)]
    if lane.title and said and isinstance(values[0][0], Band):
        return [f"{lane.title}: {', '.join(said)}"]
    return said
