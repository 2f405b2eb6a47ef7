# SPDX-License-Identifier: GPL-3.0-or-later
"""What script/bench --live measures with, and that each of its rows runs to its end with Seawall."""

import argparse
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import tap

BUILD = os.environ["SW_BUILD"]
sys.path.insert(0, str(tap.ROOT / "bench"))
sys.dont_write_bytecode = True
import live  # noqa: E402  pylint: disable=wrong-import-position
import live_servers  # noqa: E402  pylint: disable=wrong-import-position
import primary  # noqa: E402  pylint: disable=wrong-import-position
import run  # noqa: E402  pylint: disable=wrong-import-position

NAMES, CHANGES = 3_000, 40


class Silent(primary.Primary):
    """The primary's messages, without its sockets."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.apex = primary.wire_name("million.test")
        self.names, self.changing = primary.names_records(NAMES), primary.changing_names(NAMES, CHANGES)
        self.serial, self.part, self.made = 1, primary.WHOLE, {}
        self.versions = dict.fromkeys(self.changing, 1)
        self.lock = threading.Lock()


def messages_of(data):
    data = bytes(data)
    while data:
        size = struct.unpack("!H", data[:2])[0]
        yield dns.message.from_wire(data[2 : 2 + size], one_rr_per_rrset=True)
        data = data[2 + size :]


def query(rdtype, serial=None):
    asked = dns.message.make_query("million.test", rdtype)
    if serial is not None:
        asked.authority.append(dns.rrset.from_text("million.test.", 3600, "IN", "SOA", f"a. b. {serial} 1 1 1 1"))
    return asked.to_wire()


def records_of(data, number):
    """All records of a transfer: (owner, type, data)."""
    found = []
    for message in messages_of(data):
        if message.id != number:
            raise ValueError(f"ID {message.id}")
        found += [(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rrset[0]) for rrset in message.answer]
    return found


def check_whole():
    """The primary's whole zone: SOA, all names once, the SOA again, whatever is asked for."""
    source = Silent()
    source.publish(primary.WHOLE)
    for asked in (query("AXFR"), query("IXFR", 1)):
        found = records_of(source._reply(asked, True), struct.unpack("!H", asked[:2])[0])  # pylint: disable=protected-access
        if [found[0][2].serial, found[-1][2].serial] != [2, 2] or len(found) != NAMES + 2 * CHANGES + 6:
            yield f"{len(found)} records, {found[0]} to {found[-1]}"
        if len({owner for owner, _, _ in found}) != NAMES + 2 * CHANGES + 3:
            yield "a name stands twice"
        if ("h0000258.million.test.", "A", "10.0.1.2") not in [(o, t, str(d)) for o, t, d in found]:
            yield "h0000258 has another address than the generator expects"


def addresses_of(found, part):
    return {(owner, str(data)) for owner, rdtype, data in found[part] if rdtype == "A"}


def check_changes():
    """Its changes: each name's address goes and another comes, between the SOA of RFC 1995; whole for who is behind."""
    source, held = Silent(), set()
    for serial, part in enumerate(("near", "spread", "spread", "near"), 2):
        source.publish(part)
        asked = query("IXFR", serial - 1)
        found = records_of(source._reply(asked, True), struct.unpack("!H", asked[:2])[0])  # pylint: disable=protected-access
        serials = [(at, data.serial) for at, (_, rdtype, data) in enumerate(found) if rdtype == "SOA"]
        if serials != [(0, serial), (1, serial - 1), (CHANGES + 2, serial), (2 * CHANGES + 3, serial)]:
            yield f"SOA at {serials}"
        removed, added = (addresses_of(found, where) for where in (slice(2, CHANGES + 2), slice(CHANGES + 3, -1)))
        if {o for o, _ in removed} != {o for o, _ in added} or removed & added or len(added) != CHANGES:
            yield "what goes and what comes do not fit"
        if serial > 3 and not removed <= held:
            yield f"version {serial} takes away what was not there"
        held = held - removed | added
    asked = query("AXFR")
    whole = records_of(source._reply(asked, True), struct.unpack("!H", asked[:2])[0])  # pylint: disable=protected-access
    if not held <= addresses_of(whole, slice(None)):
        yield "the whole zone is not what the changes have led to"
    many = source._reply(query("IXFR", 0), True)  # pylint: disable=protected-access
    if len(many) < 20 * NAMES:
        yield f"who is behind by more than a version gets {len(many)} bytes"


def answer_updates(server, rcode, found):
    """Be a server for one run of the updater: note what it asks for, answer with this code."""
    keyring = dns.tsigkeyring.from_text({live_servers.KEY: live_servers.SECRET})
    server.settimeout(10)
    while True:
        data, peer = server.recvfrom(4096)
        if not data:
            return  # that was all
        update = dns.message.from_wire(data, keyring=keyring)
        found.append(update)
        reply = dns.message.make_response(update)
        reply.set_rcode(rcode)
        server.sendto(reply.to_wire(), peer)


def update_run(rcode):
    """@return the updater's figures and the updates that it asked for"""
    found = []
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=answer_updates, args=(server, rcode, found))
    thread.start()
    done = subprocess.run([f"{BUILD}/bench/updater", "--server", "127.0.0.1", "--port", str(server.getsockname()[1]),
                           "--zone", "bench.test", "--key", live_servers.KEY, "--secret", live_servers.SECRET,
                           "--seconds", "0.3", "--clients", "2"], check=True, capture_output=True)
    server.sendto(b"", server.getsockname())
    thread.join()
    server.close()
    return json.loads(done.stdout), found


def check_updater():
    """Updates are well formed and signed, each of another name; a refusal is no success."""
    figures, found = update_run(dns.rcode.NOERROR)
    names = {rrset.name.to_text() for update in found for rrset in update.update}
    if figures["updates"] < 2 or figures["failed"] or figures["acked_us"]["count"] != figures["updates"]:
        yield f"acknowledged: {figures}"
    if len(names) != len(found) or any(not name.endswith(".bench.test.") for name in names):
        yield f"{len(found)} updates of {len(names)} names"
    if any(not update.had_tsig or update.zone[0].name.to_text() != "bench.test." for update in found):
        yield "an update that is not signed, or of another zone"
    figures, _ = update_run(dns.rcode.REFUSED)
    if figures["updates"] or figures["failed"] < 2:
        yield f"refused: {figures}"


def check_goals():
    """What was missed is told, each by its own limit."""
    for key, seconds, lost, wanted in (("ixfr-in", 0.1, 0, ["ok", "ok"]), ("ixfr-in", 0.2, 0, ["MISSED", "ok"]),
                                       ("ixfr-near", 0.1, 1, ["ok", "MISSED"])):
        load = {"sent": 10, "right": 10 - lost}
        row = {"rate": 5, "runs": [{"seconds": seconds}], "load": load, "quiet": {"sent": 1, "right": 1}}
        data = {"live": [{"server": "seawall", "rows": {key: row}}]}
        found = [line[-1] for line in live.goal_lines(live.Figures(data))][1:]
        if found != wanted:
            yield f"{key}, {seconds} s, {lost} lost: {found}"


def check_rows():
    """Every row, with Seawall and few names: it ends, and its figures are all there."""
    live.NAMES, live.CHANGES, live.MANY_ZONES = NAMES, CHANGES, 50
    live.TRANSFERS = live.CHANGE_ROUNDS = 1
    live.FULL_S, live.UPDATE_S, live.STEP_S = 0.2, 0.5, 2.1
    live.MANY_DIRECTORY = "many-test"
    arguments = argparse.Namespace(build=Path(BUILD), servers="seawall", rows=",".join(live.ROWS), runs=1)
    with contextlib.redirect_stdout(sys.stderr):  # it says how far it is
        figures = live.measure(arguments, run.machine())
    yield from (result["failure"] for result in figures["live"] if "failure" in result)
    rows = {key: row for result in figures["live"] for key, row in result["rows"].items()}
    if set(rows) < set(live.ROWS):
        yield f"rows {sorted(rows)}"
    for key in ("update-latency", "update-rate"):
        if not rows.get(key, {}).get("updates") or rows[key]["failed"]:
            yield f"{key}: {rows.get(key)}"
    head, *lines = live.table_lines(live.Figures(figures))
    if len(lines) != len(live.LINES) or any(len(line) != len(head) for line in lines):
        yield f"{len(lines)} lines in the table, not {len(live.LINES)}"
    for key, _ in live.IXFR_PARTS:
        loads = rows.get(key, {})
        if not loads or not loads["load"]["right"] or loads["load"]["wrong"]:
            yield f"{key}: {loads}"


if __name__ == "__main__":
    tap.run(globals())
