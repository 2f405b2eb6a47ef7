# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone files of the bench, made once and kept in build/bench/zones."""

import pathlib
import shutil
import subprocess
import time

from lab import command

SIGNATURE_DAYS = 365
REMAKE_AFTER_DAYS = 300

# Sets of zones that a server holds at the same time: {set: {origin: (kind, count, signing)}}
SETS = {
    "small": {
        "bench.test": ("names", 1_000, None),
        "nsec.test": ("names", 1_000, ()),
        # RFC 9276 s3.1: no salt, no additional iterations.
        "nsec3.test": ("names", 1_000, ("-3", "-", "-H", "0")),
    },
    "million": {"million.test": ("names", 1_000_000, None)},
    "delegations": {"delegations.test": ("delegations", 1_000_000, None)},
    # As dear as a signed answer can be made: with the iterations and the salt that the kernel part takes at most, and
    # with none.
    "worst": {
        "worst.test": ("wildcards", 12, ("-3", "0123456789abcdef" * 4, "-H", "16")),
        "chain.test": ("wildcards", 12, ("-3", "-", "-H", "0")),
    },
    "eight": {"eight.test": ("names", 8_000_000, None)},
}


def zone_make(build, directory, origin, kind, count, signing):
    target = directory / f"{origin}.{count}.zone"
    if target.exists() and time.time() - target.stat().st_mtime < REMAKE_AFTER_DAYS * 86400:
        return target
    plain = directory / f"{origin}.plain"
    with open(plain, "wb") as file:
        subprocess.run([build / "bench" / "zonegen", kind, origin, str(count)], check=True, stdout=file)
    if signing is not None:
        plain = zone_sign(directory, origin, plain, signing)
    plain.replace(target)  # at once, so that a run cut short leaves no half zone
    return target


def zone_sign(directory, origin, plain, denial):
    """Signed with one ECDSA P-256 key by BIND's tool."""
    keys = directory / f"{origin}.keys"
    shutil.rmtree(keys, ignore_errors=True)
    keys.mkdir()
    signed = directory / f"{origin}.signed"
    command("dnssec-keygen", "-q", "-K", keys, "-a", "ECDSAP256SHA256", "-f", "KSK", origin)
    command("dnssec-signzone", "-q", "-S", "-z", "-P", "-K", keys, "-d", keys, "-o", origin, *denial,
            "-e", f"now+{SIGNATURE_DAYS * 86400}", "-f", signed, plain)
    plain.unlink()
    return signed


def zones_of(build, name):
    """The files of one set: {origin: file}."""
    directory = pathlib.Path(build) / "bench" / "zones"
    directory.mkdir(parents=True, exist_ok=True)
    return {origin: zone_make(pathlib.Path(build), directory, origin, *how) for origin, how in SETS[name].items()}
