# SPDX-License-Identifier: GPL-3.0-or-later
"""The example configuration is accepted, and it and the manual know every key."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import tap

SEAWALL = os.environ.get("SW_SEAWALL", str(tap.BUILD / "src" / "cli" / "seawall"))
EXAMPLE = tap.ROOT / "examples" / "seawall.yaml"
MANUAL = tap.ROOT / "docs" / "configuration.md"


def check_of(path):
    return subprocess.run([SEAWALL, "check", path], capture_output=True, text=True, check=False)


def keys_of(text):
    """The keys that are known where an unknown one stands, as the error lists them."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        path = Path(directory) / "seawall.yaml"
        path.write_text(text)
        said = check_of(path).stderr
    return re.search(r"\(known here: (.*)\)", said)[1].split(", ")


def all_keys():
    sections = {"": "nonesuch: 1", "server": "server: {nonesuch: 1}", "tcp": "tcp: {nonesuch: 1}", "tls": "tls: {nonesuch: 1}",
                "guard": "guard: {nonesuch: 1}", "transfers": "transfers: {nonesuch: 1}"}
    sections |= {section: f"{section}: [{{nonesuch: 1}}]" for section in ("keys", "remotes", "templates", "zones")}
    sections["dnssec"] = "zones: [{domain: example.com, file: none, dnssec: {nonesuch: 1}}]"
    sections["catalog"] = "zones: [{domain: example.com, file: none, catalog: {nonesuch: 1}}]"
    for section, text in sections.items():
        for key in keys_of(text):
            yield section, key


def example_is_accepted():
    """examples/seawall.yaml has no errors."""
    ran = check_of(EXAMPLE)
    if ran.returncode != 0:
        yield f"{ran.stdout}{ran.stderr}"


def example_is_complete():
    """examples/seawall.yaml has every key."""
    text = EXAMPLE.read_text()
    yield from (f"{key}" for _, key in all_keys() if not re.search(rf"^[ #-]*{key}:", text, re.MULTILINE))


def manual_is_complete():
    """docs/configuration.md has every key, and none that is not known."""
    text = MANUAL.read_text()
    known = {key for section, key in all_keys() if section} | {"types"}  # of a rule
    rows = set()
    for row in re.findall(r"^\| (`[a-z`, -]+`) \|", text, re.MULTILINE):
        rows |= set(re.findall(r"[a-z-]+", row))
    yield from (f"{key} is missing" for key in sorted(known - rows))
    yield from (f"{key} is not known" for key in sorted(rows - known))
    yield from (f"no section {key}" for section, key in all_keys() if not section and f"\n## {key}\n" not in text)


if __name__ == "__main__":
    tap.run(
        {"check_accepted": example_is_accepted, "check_complete": example_is_complete, "check_manual": manual_is_complete}
    )
