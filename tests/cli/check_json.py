# SPDX-License-Identifier: GPL-3.0-or-later
"""`seawall check --json`: one object that says what the lines say, with the same exit status."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import tap

SEAWALL = os.environ.get("SW_SEAWALL", str(tap.BUILD / "src" / "cli" / "seawall"))
HEAD = b"$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\n"
GOLDEN = tap.ROOT / "tests" / "zone" / "golden"
KEYS = ["zone", "severity", "code", "text", "file", "line", "column", "owner", "type", "source"]


def run(directory, *arguments):
    return subprocess.run(
        [SEAWALL, "check", *arguments],
        cwd=directory,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def both(files, *arguments):
    """(object, lines, exit status), and faults that no answer may have."""
    with tempfile.TemporaryDirectory(prefix="seawall-test-") as directory:
        for name, content in files.items():
            (Path(directory) / name).write_bytes(content)
        plain = run(directory, *arguments)
        told = run(directory, *arguments, "--json")
    answer = json.loads(told.stdout)
    faults = []
    if told.returncode != plain.returncode:
        faults.append(f"exit status {told.returncode}, without --json {plain.returncode}")
    if told.stderr != plain.stderr:
        faults.append(f"standard error: {told.stderr}")
    faults += [f"keys: {list(found)}" for found in answer["findings"] if list(found) != KEYS]
    return answer, plain.stdout.decode("utf-8", "replace").splitlines(), told.returncode, faults


def line_of(found):
    """The line for people that says the same."""
    line = f":{found['line']}" if found["line"] else ""
    about = " ".join(filter(None, [found["owner"], found["type"]]))
    return f"{found['file']}{line}: {found['severity']}: {about + ': ' if about else ''}{found['text']} [{found['code']}]"


def check_lines():
    """Every finding of every golden zone stands in both, and so do the totals."""
    count = 0
    for zone in sorted(GOLDEN.glob("*.zone")):
        answer, lines, _, faults = both({}, "--zone", f"example.com={zone}")
        yield from (f"{zone.name}: {fault}" for fault in faults)
        got = [line_of(found) for found in answer["findings"] if found["code"] != "compile"]
        if got != [line for line in lines[:-1] if line.endswith("]")]:
            yield f"{zone.name}: {got}, lines: {lines}"
        totals = f"{answer['zones']} zone(s) checked, {answer['refused']} refused: "
        totals += f"{answer['errors']} error(s), {answer['warnings']} warning(s)"
        if totals != lines[-1]:
            yield f"{zone.name}: {totals}, line: {lines[-1]}"
        yield from (f"{zone.name}: {found}" for found in answer["findings"] if found["zone"] != "example.com.")
        count += len(answer["findings"])
    if count < 20:
        yield f"only {count} findings"


def check_values():
    """Zone, line, owner, type and source of one finding."""
    answer, _, status, faults = both({"z": HEAD + b"www A 192.0.2.999\n"}, "--zone", "EXAMPLE.com=z")
    yield from faults
    want = {"zone": "example.com.", "severity": "error", "code": "syntax", "file": "z", "line": 5, "column": None}
    want |= {"owner": "www.example.com.", "type": "A", "source": "RFC 1035 s5.1"}
    found = {key: value for key, value in answer["findings"][0].items() if key != "text"}
    if status != 1 or found != want or len(answer["findings"]) != 1:
        yield f"{status}: {answer}"


def check_clean():
    """Nothing found is an empty list."""
    answer, _, status, faults = both({"z": HEAD}, "--zone", "example.com=z")
    yield from faults
    if status != 0 or answer["findings"] != [] or answer["zones"] != 1 or answer["errors"] != 0:
        yield f"{status}: {answer}"


def check_many():
    """Of each label 100 are told, all are counted."""
    zone = HEAD + b"".join(b"h%d A 192.0.2.999\n" % i for i in range(150))
    answer, _, _, faults = both({"z": zone}, "--zone", "example.com=z")
    yield from faults
    if answer["errors"] != 150 or len(answer["findings"]) != 101 or answer["findings"][-1]["line"] is not None:
        yield f"{answer['errors']} errors, {len(answer['findings'])} findings"


def check_bytes():
    """Bytes that are no text, in a zone and in its file's name, do not break the object."""
    name = os.fsdecode(b"z\xff")
    zone = HEAD + b'x TXT "\xff\xfe" \xe9\xff( \x01"\\\nw\xff A 192.0.2.1\xff"\n'
    answer, _, status, faults = both({name: zone}, "--zone", f"example.com={name}")
    yield from faults
    if status != 1 or [found["file"] for found in answer["findings"]][:1] != ["z?"]:
        yield f"{status}: {answer}"


def check_configuration():
    """A refused configuration is a finding with its place."""
    for text, line, column in ((b"zones:\n  - domain: a\n    colour: b\n", 3, 5), (b"zones: [\n", 2, 1)):
        answer, _, status, faults = both({"s.yaml": text}, "s.yaml")
        yield from faults
        found = answer["findings"][0]
        place = (found["code"], found["file"], found["line"], found["column"])
        if status != 2 or place != ("configuration", "s.yaml", line, column) or answer["errors"] != 1:
            yield f"{status}: {answer}"
    answer, _, status, faults = both({}, "nowhere.yaml")
    yield from faults
    if status != 2 or "nowhere.yaml" not in answer["findings"][0]["text"]:
        yield f"{status}: {answer}"


def check_without_files():
    """Secondaries, catalogs that are made here, and certificates that are none."""
    text = b"""server: {state: s}
tls: {listen: 127.0.0.1@8853, certificate: z, key: z}
remotes: [{name: p, address: 192.0.2.1}]
templates: [{name: t}]
zones:
  - {domain: example.com, primaries: p}
  - {domain: example.net, file: z}
  - {domain: catalog.example, catalog: {produce: t}}
"""
    answer, lines, status, faults = both({"s.yaml": text, "z": HEAD}, "s.yaml")
    yield from faults
    counts = {key: answer[key] for key in ("zones", "refused", "from_primaries", "made", "errors", "warnings")}
    want = {"zones": 1, "refused": 0, "from_primaries": 1, "made": 1, "errors": 1, "warnings": 0}
    if status != 1 or counts != want or [found["code"] for found in answer["findings"]] != ["tls"]:
        yield f"{status}: {answer}"
    if "1 catalog(s) are made here, without a file to check" not in lines:
        yield f"{lines}"


if __name__ == "__main__":
    tap.run(globals())
