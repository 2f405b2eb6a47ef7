# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the pixels of a PNG file as a browser writes it: eight bits, RGB or RGBA, not interlaced (W3C PNG s9, s11)."""

import collections
import itertools
import struct
import zlib

CHANNELS = {2: 3, 6: 4}


class Picture:
    """Rows of bytes, `channels` of them to a pixel."""

    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("no PNG file")
        chunks = list(self._chunks(data))
        self.width, self.height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
        if depth != 8 or colour not in CHANNELS or rest[2]:
            raise ValueError(f"depth {depth}, colour type {colour}, interlace {rest[2]}")
        self.channels = CHANNELS[colour]
        self.rows = self._rows(zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT")))

    @staticmethod
    def _chunks(data):
        at = 8
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at : at + 8])
            yield kind, data[at + 8 : at + 8 + size]
            at += size + 12

    def _rows(self, raw):
        size = self.width * self.channels
        rows, above = [], bytes(size)
        for start in range(0, self.height * (size + 1), size + 1):
            above = unfiltered(raw[start], raw[start + 1 : start + 1 + size], above, self.channels)
            rows.append(above)
        return rows

    def colours(self, top=0, bottom=None):
        """How many pixels have which (red, green, blue), between two rows."""
        counts = collections.Counter()
        for row in self.rows[top:bottom]:
            counts.update(zip(*(row[channel :: self.channels] for channel in range(3))))
        return counts


def added(one, other):
    """Sums of bytes modulo 256, all at once: the seven low bits as one large number, the high bit without its carry."""
    size = len(one)
    low, high = int.from_bytes(b"\x7f" * size, "big"), int.from_bytes(b"\x80" * size, "big")
    a, b = int.from_bytes(one, "big"), int.from_bytes(other, "big")
    return ((a & low) + (b & low) ^ (a ^ b) & high).to_bytes(size, "big")


def unfiltered(kind, line, above, step):
    """One row without its filter: what was subtracted from each byte comes back, from the left, above or both."""
    if kind == 0:
        return line
    if kind == 2:
        return added(line, above)
    row = bytearray(line)
    if kind == 1:
        for channel in range(step):
            sums = itertools.accumulate(line[channel::step])
            row[channel::step] = bytes(value & 255 for value in sums)
        return bytes(row)
    for at, byte in enumerate(line):
        left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
        guess = (left + above[at]) // 2 if kind == 3 else paeth(left, above[at], corner)
        row[at] = (byte + guess) & 255
    return bytes(row)


def paeth(left, up, corner):
    """The neighbour nearest to left + up - corner; of equally near ones the first."""
    from_left, from_up, from_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if from_left <= from_up and from_left <= from_corner:
        return left
    return up if from_up <= from_corner else corner
