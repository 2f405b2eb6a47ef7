# SPDX-License-Identifier: GPL-3.0-or-later
"""NOTIFY, UPDATE, transfers and signed questions, asked by dnspython of whole daemons: by sockets and past XDP."""

import re

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import node
import tap

KEYRING = dns.tsigkeyring.from_text({"k.": ("hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=")})
STRANGER = dns.tsigkeyring.from_text({"stranger.": ("hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=")})
ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 192.0.2.1
"""


def config(daemon, xdp):
    return f"""
server:
  listen: 127.0.0.1@{node.PORT}
  xdp: {xdp}
  state: {daemon.path / "state"}
keys:
  - name: k
    algorithm: hmac-sha256
    secret: c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=
remotes:
  - name: primary
    address: 127.0.0.2@5399
zones:
  - domain: live.test
    file: {daemon.path / "live.zone"}
    allow-update: key k
    allow-transfer: key k
  - domain: second.test
    primaries: primary
"""


def start(xdp, names=0):
    daemon = node.Node(is_started=False)
    daemon.__enter__()
    text = ZONE + "".join(f'n{i} TXT "{"x" * 100}"\n' for i in range(names))
    (daemon.path / "live.zone").write_text(text)
    daemon.configure(config(daemon, xdp))
    daemon.start()
    return daemon


def ask(message, transport=dns.query.udp, source=None):
    return transport(message, "127.0.0.1", timeout=node.LIMIT_S, port=node.PORT, source=source)


def update(text, keyring=KEYRING):
    message = dns.update.UpdateMessage("live.test.", keyring=keyring)
    message.replace("added", 300, "TXT", f'"{text}"')
    return message


def transfer(serial=None):
    """The zone, or its changes since `serial`, applied by dnspython, which checks order and signatures."""
    zone = dns.zone.from_text(ZONE, "live.test.", relativize=False) if serial else dns.zone.Zone("live.test.", relativize=False)
    request, _ = dns.xfr.make_query(zone, serial=serial, keyring=KEYRING)
    dns.query.inbound_xfr("127.0.0.1", zone, request, port=node.PORT, timeout=node.LIMIT_S)
    return zone


def text_of(zone):
    return zone.find_rdataset("added.live.test.", "TXT")[0].to_text()


def updates(xdp):
    daemon = start(xdp)
    try:
        for count, transport in enumerate([dns.query.udp, dns.query.tcp], 2):
            reply = ask(update(f"v{count}"), transport)
            if reply.rcode() != dns.rcode.NOERROR or not reply.had_tsig:
                yield f"update {count}: {reply}"
            seen = ask(dns.message.make_query("added.live.test.", "TXT"))
            if f'"v{count}"' not in seen.to_text():
                yield f"after update {count}: {seen}"
            for serial in (None, 1):
                zone = transfer(serial)
                if text_of(zone) != f'"v{count}"':
                    yield f"after update {count} from {serial}: {text_of(zone)}"
        reply = ask(update("x", None))
        if reply.rcode() != dns.rcode.REFUSED:
            yield f"update without a key: {reply}"
        try:
            ask(update("x", STRANGER))
            yield "an update with a key that is not known was taken"
        except dns.tsig.PeerBadKey:
            pass
        punted = daemon.status()["kernel"]["verdicts"].get("punt_request", 0)
        if xdp != "none" and node.has_kernel() and punted != 3:
            yield f"{punted} requests passed by the kernel part, of three updates over UDP"
    finally:
        daemon.__exit__(None, None, None)


def check_updates_by_sockets():
    """Updates over UDP and TCP are done, seen and transferred, as changes and whole; others are refused."""
    yield from updates("none")


def check_updates_past_xdp():
    """The same, where the kernel part answers questions."""
    yield from updates("lo")


def wait_lines(daemon, lines):
    """@return what the log does not say of them, in the end"""
    return [line for line in lines if not daemon.logs(re.escape(line))]


def check_log():
    """The log says who is refused and why, once, and which transfers were given; of updates that are taken, nothing."""
    daemon = start("none")
    try:
        ask(update("x"))
        transfer()
        transfer(1)
        for _ in range(3):
            ask(update("x", None))
        ask(dns.message.make_query("live.test.", "AXFR"), dns.query.tcp)
        wrong = dns.tsigkeyring.from_text({"k.": ("hmac-sha256", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nMTI=")})
        for message in (update("x", STRANGER), dns.update.UpdateMessage("second.test.", keyring=KEYRING)):
            try:
                ask(message)
            except dns.tsig.PeerBadKey:
                pass
        try:
            ask(update("x", wrong), dns.query.tcp)
        except dns.tsig.PeerBadSignature:
            pass
        notify = dns.message.make_query("second.test.", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        ask(notify)
        outside = dns.update.UpdateMessage("live.test.", keyring=KEYRING)
        outside.add("name.outside.", 300, "A", "192.0.2.1")
        ask(outside, source="127.0.7.1")
        lines = [
            "info: zone live.test.: AXFR to 127.0.0.1, key k.: the zone whole, serial 2, 5 records, ",
            "info: zone live.test.: IXFR to 127.0.0.1, key k.: changes from serial 1 to 2, ",
            "info: zone live.test.: UPDATE from 127.0.0.1 is refused: not allowed: it is not signed, and the rule wants a key",
            "info: zone live.test.: AXFR from 127.0.0.1 is refused: not allowed: it is not signed, and the rule wants a key",
            "info: zone second.test.: UPDATE from 127.0.0.1, key k. is refused: the zone takes no updates here",
            "warning: zone live.test.: UPDATE from 127.0.0.1, key k. is refused: bad signature: ",
            "info: zone second.test.: NOTIFY from 127.0.0.1 is refused: not allowed: no rule has this address",
            "info: zone live.test.: UPDATE from 127.0.7.1, key k. is refused: ",
        ]
        yield from (f"not in the log: {line}" for line in wait_lines(daemon, lines))
        # the stranger's is of the same kind, zone and network as the first
        updates_logged = [line for line in daemon.log().splitlines() if "UPDATE" in line]
        if len(updates_logged) != 4:
            yield f"lines of updates: {updates_logged}"
    finally:
        daemon.__exit__(None, None, None)


def check_transfer_of_many_messages():
    """A zone of many messages, every one checked by dnspython; without the key it is refused."""
    daemon = start("none", names=20000)
    try:
        zone = transfer()
        if len(zone.nodes) != 20002:
            yield f"{len(zone.nodes)} names came"
        reply = ask(dns.message.make_query("live.test.", "AXFR"), dns.query.tcp)
        if reply.rcode() != dns.rcode.REFUSED:
            yield f"without a key: {reply}"
    finally:
        daemon.__exit__(None, None, None)


def check_notify():
    """NOTIFY is taken from the primary's address alone."""
    daemon = start("lo")
    try:
        for source, zone, wanted in [
            ("127.0.0.2", "second.test.", dns.rcode.NOERROR),
            ("127.0.0.3", "second.test.", dns.rcode.REFUSED),
            ("127.0.0.2", "third.test.", dns.rcode.NOTAUTH),
        ]:
            message = dns.message.make_query(zone, "SOA", flags=dns.flags.AA)
            message.set_opcode(dns.opcode.NOTIFY)
            reply = ask(message, source=source)
            if reply.rcode() != wanted:
                yield f"{zone} from {source}: {reply}"
            if wanted == dns.rcode.NOERROR and not reply.flags & dns.flags.AA:
                yield f"not authoritative: {reply}"
    finally:
        daemon.__exit__(None, None, None)


def signed_wrong(**changes):
    """A question with a signature that is not right, or not in time."""
    question = dns.message.make_query("live.test.", "SOA")
    keyring = changes.pop("keyring", KEYRING)
    question.use_tsig(keyring, **changes)
    return question


def check_counts():
    """What was asked is in the status: transfers, updates, notifications, signatures that were refused"""
    daemon = start("none")
    wrong = dns.tsigkeyring.from_text({"k.": ("hmac-sha256", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nMTI=")})
    try:
        ask(update("v"))
        ask(update("v", None))
        for keyring in (STRANGER, wrong, wrong):
            try:
                ask(signed_wrong(keyring=keyring))
            except dns.tsig.PeerError:
                pass
        transfer()
        transfer(1)
        ask(dns.message.make_query("live.test.", "AXFR"), dns.query.tcp)
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.3"):
            message = dns.message.make_query("second.test.", "SOA", flags=dns.flags.AA)
            message.set_opcode(dns.opcode.NOTIFY)
            ask(message, source=source)
        status = daemon.status()
        out = dict(status["transfers"]["out"])
        if out.pop("bytes") < 300:
            yield f"bytes: {status['transfers']['out']}"
        for what, got, wanted in [
            ("transfers", out, {"running": 0, "done": 2, "failed": 0, "refused": 1}),
            ("updates", status["updates"], {"taken": 1, "forwarded": 0, "refused": 1, "dropped": 0}),
            ("notifies", status["notifies"]["in"], {"taken": 1, "refused": 2, "dropped": 0}),
            ("signatures", status["tsig_failures"], {"badkey": 1, "badsig": 2, "badtime": 0, "badtrunc": 0, "malformed": 0, "dropped": 0}),
        ]:
            if got != wanted:
                yield f"{what}: {got}, not {wanted}"
        said = daemon.run("status").stdout
        for line in ("out: 0 running, 2 done, 0 broken off, 1 refused", "1 of unknown keys, 2 wrong"):
            if line not in said:
                yield f"'{line}' is not in {said}"
    finally:
        daemon.__exit__(None, None, None)


def check_signed_question():
    """A signed question has a signed answer."""
    daemon = start("lo")
    try:
        for transport in (dns.query.udp, dns.query.tcp):
            question = dns.message.make_query("live.test.", "SOA")
            question.use_tsig(KEYRING)
            reply = ask(question, transport)
            if not reply.had_tsig or not reply.answer:
                yield f"{reply}"
    finally:
        daemon.__exit__(None, None, None)


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
