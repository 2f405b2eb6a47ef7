# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person who started a drill sees while it runs: one line that is kept up to date on a terminal, else a line
every few seconds."""

import topology

EVERY_S = 5
CLEAR = "\r\x1b[K"


class Progress:
    """Of one run."""

    def __init__(self, stream, server, seed, length_s):
        self.stream = stream
        self.title = f"{server}, seed {seed}"
        self.length_s = length_s
        self.is_terminal = stream.isatty()
        self.phase = None

    def say(self, text):
        self._line(f"{self.title}: {text}", keeps=not self.is_terminal)

    def second(self, live):
        """One second has passed; see live_print() of the traffic program."""
        is_new = live["phase"] != self.phase
        if is_new and self.is_terminal and self.phase:
            self.stream.write("\n")
        self.phase = live["phase"]
        if self.is_terminal or is_new or live["t"] % EVERY_S == 0:
            self._line(self._text(live), keeps=not self.is_terminal)

    def _text(self, live):
        left = f"{live['left_s'] // 60:.0f}:{live['left_s'] % 60:02.0f} left"
        pops = "  ".join(f"{pop} {honest:6.1%} {pps_text(pps)}"
                         for pop, honest, pps in zip(topology.POPS, live["honest"], live["attack_pps"]))
        missed = f"  ({live['missed']} missed)" if live["missed"] else ""
        return f"{self.title}  {live['phase']:>5}  {left}  {pops}{missed}"

    def end(self):
        if self.is_terminal:
            self.stream.write("\n")

    def _line(self, text, keeps):
        self.stream.write(f"{text}\n" if keeps else f"{CLEAR}{text}")
        self.stream.flush()


def pps_text(pps):
    """Attack packets per second, in a width that stays: "  12k/s"."""
    return f"{pps / 1000:4.0f}k/s" if pps >= 1000 else f"{pps:4d}/s "
