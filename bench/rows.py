# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: one entry for each row of the table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    zones: str  # a set in zones.py
    query: str  # `%` seven digits, `?` eight random letters
    count: int
    expect: str
    flags: tuple = ("--edns",)
    is_flood: bool = False
    seawall_only: bool = False


def deep(labels):
    """A name below the zone, its first label random, so many labels deep."""
    return ".".join(["h%?"] + [f"x{i % 10}" for i in range(labels - 1)] + ["bench", "test"])


SIGNED = ("--edns", "--do")
HONEST_ONE_IN = 64
HONEST_QUERY, HONEST_COUNT = "h%.bench.test", 1_000

ROWS = (
    Row("hits-1k", "hits, 1,000 names", "small", "h%.bench.test", 1_000, "answer"),
    Row("nx-1k", "NXDOMAIN, 1,000 names", "small", "h%?.bench.test", 1_000, "nxdomain"),
    Row("nx-4", "NXDOMAIN, 4 labels deep", "small", deep(4), 1_000, "nxdomain"),
    Row("nx-16", "NXDOMAIN, 16 labels deep", "small", deep(16), 1_000, "nxdomain"),
    Row("nx-40", "NXDOMAIN, 40 labels deep", "small", deep(40), 1_000, "nxdomain"),
    Row("signed-hits", "signed hits, DO", "small", "h%.nsec.test", 1_000, "answer", SIGNED),
    Row("nx-nsec", "signed NXDOMAIN, NSEC", "small", "h%?.nsec.test", 1_000, "nxdomain", SIGNED),
    Row("nx-nsec3", "signed NXDOMAIN, NSEC3", "small", "h%?.nsec3.test", 1_000, "nxdomain", SIGNED),
    Row("flood", "open flood of random names", "small", "h%?.bench.test", 1_000, "nxdomain", is_flood=True),
    Row("hits-1m", "hits, 1M names", "million", "h%.million.test", 1_000_000, "answer"),
    Row("nx-1m", "NXDOMAIN, 1M names", "million", "h%?.million.test", 1_000_000, "nxdomain"),
    Row("ref-1m", "referrals, 1M delegations", "delegations", "www.d%.delegations.test", 1_000_000, "referral"),
    Row("hits-8m", "hits, 8M names", "eight", "h%.eight.test", 8_000_000, "answer", seawall_only=True),
    Row("nx-8m", "NXDOMAIN, 8M names", "eight", "h%?.eight.test", 8_000_000, "nxdomain", seawall_only=True),
)
