# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents that are asked for the DS: BIND and Knot as two servers of a parent, Unbound as a resolver, and one that lies."""

import socket
import struct
import threading

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rrset
import dns.tsigkeyring
import dns.update
import node
import peers
import tap
import validators
from signed import SHORT, ZONE, config, is_awaited, state, states, wait_valid, zone_text

PARENT = "test"
BIND_PORT, KNOT_PORT, LIAR_PORT = 5303, 5304, 5305
CHECK = "parent-check: 1s"
ZONE_TEXT = f"""$ORIGIN {PARENT}.
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
live NS ns1.live
ns1.live A 127.0.0.1
"""


class Parent(peers.Server):
    """A server of the parent, where a DS is put by dynamic update."""

    def __init__(self, name, is_signed=False):
        self.port = BIND_PORT if name == "bind" else KNOT_PORT
        super().__init__(name, None)
        (self.path / "zone").write_text(ZONE_TEXT)
        lines = self.bind_lines(is_signed) if name == "bind" else self.knot_lines()
        (self.path / "conf").write_text("\n".join(lines) + "\n")
        self.argv = ["named", "-g", "-n", "1", "-c"] if name == "bind" else ["knotd", "-c"]
        self.argv.append(str(self.path / "conf"))

    def bind_lines(self, is_signed):
        """Signed, it is for a resolver; else it answers only who signs its question."""
        more = "dnssec-policy default; inline-signing yes;" if is_signed else f"allow-query {{ key {peers.KEY}; }};"
        return [
            "options {",
            f' directory "{self.path}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};',
            f' recursion no; pid-file "{self.path}/pid"; session-keyfile none; managed-keys-directory "{self.path}";',
            " dnssec-validation no; empty-zones-enable no; notify no;",
            "};",
            "controls { };",
            f'key {peers.KEY} {{ algorithm {peers.ALGORITHM}; secret "{peers.SECRET}"; }};',
            f'zone "{PARENT}" {{ type primary; file "{self.path}/zone"; allow-update {{ key {peers.KEY}; }}; {more} }};',
        ]

    def knot_lines(self):
        return [
            "server:",
            f"    listen: 127.0.0.1@{self.port}",
            f"    rundir: {self.path}",
            "    udp-workers: 1",
            "    tcp-workers: 1",
            "    background-workers: 1",
            "database:",
            f"    storage: {self.path}",
            "key:",
            f"  - id: {peers.KEY}",
            f"    algorithm: {peers.ALGORITHM}",
            f"    secret: {peers.SECRET}",
            "acl:",
            "  - id: change",
            f"    key: {peers.KEY}",
            "    action: update",
            "zone:",
            f"  - domain: {PARENT}",
            f"    file: {self.path}/zone",
            "    acl: change",
            "    zonefile-sync: -1",
        ]

    def start(self):
        super().start()
        node.wait_for(lambda: self.ask("SOA"), f"{self.name} to serve: {self.log()}")

    def ask(self, rdtype):
        question = dns.message.make_query(PARENT, rdtype)
        question.use_tsig(peers.KEYRING)
        try:
            return dns.query.udp(question, "127.0.0.1", port=self.port, timeout=0.5).answer
        except (OSError, dns.exception.DNSException):
            return None

    def put(self, *records):
        """Have the DS set be these texts ("live.test. IN DS ...") and no others."""
        change = dns.update.Update(PARENT, keyring=peers.KEYRING)
        change.delete("live", "DS")
        for record in records:
            change.add("live", 1, "DS", record.split(" DS ")[1])
        reply = dns.query.tcp(change, "127.0.0.1", port=self.port, timeout=node.LIMIT_S)
        assert reply.rcode() == dns.rcode.NOERROR, reply


def told(daemon, dnssec, remotes):
    """The configuration, with remotes: names to (port, whether it is to be asked with the key)."""
    lines = "".join(
        f"  - name: {name}\n    address: 127.0.0.1@{port}\n" + (f"    key: {peers.KEY}\n" if is_signed else "")
        for name, (port, is_signed) in remotes.items()
    )
    text = config(daemon, dnssec).replace("remotes:\n", f"remotes:\n{lines}")
    return text + "transfers:\n  answer-timeout: 1s\n"


def start(daemon, remotes, more="", times=SHORT):
    """Sign the zone, and wait until its DS is asked for."""
    (daemon.path / "zone").write_text(zone_text(1))
    shape = f"{{{times}, parents: [{', '.join(remotes)}], {CHECK}{more}}}"
    daemon.configure(told(daemon, shape, remotes))
    daemon.start()
    node.wait_for(lambda: is_awaited(daemon) and said(daemon), f"the DS to be asked for: {daemon.log()}")
    return shape


def leave(daemon, shape, remotes):
    daemon.configure(told(daemon, shape.replace("{", "{mode: leave, ", 1), remotes))
    daemon.run("reload")
    node.wait_for(lambda: state(daemon).get("ds_removal_awaited"), f"the removal to be asked for: {daemon.log()}")


def parents_of(daemon):
    return state(daemon).get("parents") or {"servers": []}


def said(daemon):
    """Names of servers to what they said last, and whether it is what is waited for."""
    return {one["server"].split(" ")[0]: (one["said"], one["as_awaited"]) for one in parents_of(daemon)["servers"]}


def counts(daemon):
    return daemon.status()["parents"]


def own_ds(daemon, number=-1):
    """The DS record of a key."""
    return [key["ds"] for key in state(daemon)["keys"] if key["ds"]][number]


def rounds(daemon, count=1):
    """Wait until they have been asked so many times more."""
    servers = len(parents_of(daemon)["servers"])
    goal = counts(daemon)["asked"] + (count + 1) * servers
    node.wait_for(lambda: counts(daemon)["asked"] >= goal, f"parents to be asked again: {daemon.log()}")


def ds_seen(daemon, number=-1):
    return state(daemon)["keys"][number]["ds-seen"]


def is_signed(daemon):
    return state(daemon).get("signed", False)


def lines_of(daemon, text):
    return [line for line in daemon.log().splitlines() if text in line]


def check_roll():
    """The DS is put at two servers by hand, and taken away in the end: what Seawall does in between it does by itself."""
    remotes = {"bind": (BIND_PORT, True), "knot": (KNOT_PORT, False)}
    with node.Node(is_started=False) as daemon, Parent("bind") as bind, Parent("knot") as knot:
        shape = start(daemon, remotes)
        first = own_ds(daemon)
        bind.put(first)
        node.wait_for(lambda: said(daemon)["bind"][1], f"BIND to have it: {daemon.log()}")
        rounds(daemon)
        if ds_seen(daemon) or said(daemon)["knot"] != ("no DS", False):
            yield f"one of two is enough: {state(daemon)}"
        shown = daemon.run("key", "show", ZONE).stdout + daemon.run("zone", "show", ZONE).stdout
        tag = first.split()[3]
        for text in (f"bind (127.0.0.1@{BIND_PORT}): DS of {tag} (13 2), as awaited", f"knot (127.0.0.1@{KNOT_PORT}): no DS\n", ", next "):
            if shown.count(text) != 2:
                yield f"{text!r} is not in {shown}"
        for text in ("'seawall key ds'; its parents are asked", "next          ds-seen when all parents have its DS"):
            if text not in shown:
                yield f"{text!r} is not in {shown}"
        for text, times in (("DS asked of bind", 2), ("DS asked of knot", 1)):
            if len(lines_of(daemon, text)) != times:
                yield f"not a line for each change: {lines_of(daemon, text)}"
        knot.put(first)
        node.wait_for(lambda: ds_seen(daemon), f"the DS to be seen at both: {daemon.log()}")
        node.wait_for(lambda: not parents_of(daemon)["servers"] and counts(daemon)["noted"] == 1, f"no more questions: {state(daemon)}")
        daemon.run("key", "roll", ZONE)
        yield from wait_valid(daemon, lambda: len(state(daemon)["keys"]) == 2 and is_awaited(daemon) and said(daemon), "the next DS")
        rounds(daemon)
        if ds_seen(daemon) or any(good for _, good in said(daemon).values()):
            yield f"the old DS counts as the new one: {state(daemon)}"
        for server in (bind, knot):
            server.put(own_ds(daemon))
        yield from wait_valid(daemon, lambda: states(daemon, "csk") == ["active", "removed"], "the old key to go")
        leave(daemon, shape, remotes)
        bind.put()
        node.wait_for(lambda: said(daemon).get("bind", ("", False))[1], "BIND to have none")
        rounds(daemon)
        knot.stop()  # who fails does not say that there is none
        node.wait_for(lambda: not said(daemon)["knot"][0].startswith("DS of"), f"Knot to be away: {said(daemon)}")
        if not is_signed(daemon) or said(daemon)["knot"][1]:
            yield f"one of two is enough to be unsigned: {state(daemon)}"
        knot.start()
        knot.put()
        node.wait_for(lambda: not is_signed(daemon), f"the zone to be unsigned: {daemon.log()}")
        if len(lines_of(daemon, "its DS is gone from all its parents: noted")) != 1:
            yield daemon.log()


class Liar:
    """Answers over UDP and TCP as it is told: what a function makes of a question, one message for each."""

    def __init__(self):
        self.says = (lambda question: [], None)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", LIAR_PORT))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", LIAR_PORT))
        self.tcp.listen()
        for listener in (self.udp, self.tcp):
            listener.settimeout(0.1)  # so that they hear of the end
        self.is_over = False
        self.threads = [threading.Thread(target=self.serve, args=(work,), daemon=True) for work in (self.one_udp, self.one_tcp)]
        for thread in self.threads:
            thread.start()

    def say(self, over_udp, over_tcp=None):
        """@param over_tcp  None: nothing"""
        self.says = (over_udp, over_tcp)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def serve(self, work):
        while not self.is_over:
            try:
                work()
            except (OSError, EOFError):
                continue

    def one_udp(self):
        wire, asker = self.udp.recvfrom(65535)
        for reply in self.says[0](dns.message.from_wire(wire, keyring=peers.KEYRING)):
            self.udp.sendto(reply, asker)

    def one_tcp(self):
        with self.tcp.accept()[0] as stream:
            stream.settimeout(node.LIMIT_S)
            question = dns.query.receive_tcp(stream, keyring=peers.KEYRING)[0]
            over_tcp = self.says[1]
            for reply in over_tcp(question) if over_tcp else []:
                stream.sendall(struct.pack("!H", len(reply)) + reply)


def reply_to(question, records=(), flags=dns.flags.AA, rcode=dns.rcode.NOERROR, soa=f"{PARENT}.", ttl=1):
    """A reply with DS records (texts), or the SOA of who says there is none."""
    reply = dns.message.make_response(question)
    reply.flags |= flags
    reply.set_rcode(rcode)
    if records:
        reply.answer.append(dns.rrset.from_text(f"{ZONE}.", ttl, "IN", "DS", *(record.split(" DS ")[1] for record in records)))
    else:
        reply.authority.append(dns.rrset.from_text(soa, 1, "IN", "SOA", "ns. host. 1 2 3 4 5"))
    return reply


def wire_of(reply, message_id=None):
    if message_id is not None:
        reply.id = message_id
    return reply.to_wire()


def beside(question, records):
    """Replies to other questions than the one that was asked."""
    other = dns.message.make_query(f"other.{PARENT}.", "DS")
    other.id = question.id
    address = dns.message.make_query(f"{ZONE}.", "A")
    address.id = question.id
    return [
        wire_of(reply_to(question, records), question.id ^ 1),
        wire_of(reply_to(other, records)),
        wire_of(reply_to(address, records)),
        question.to_wire(),
        b"\0",
        b"",
    ]


def cut(question):
    reply = dns.message.make_response(question)
    reply.flags |= dns.flags.TC | dns.flags.AA
    return [reply.to_wire()]


def lies(good):
    """What it may say that must not count, of a DS that is waited for or of none: over UDP, over TCP, what is said of it."""
    true = [good] if good else []
    last = "0" if good and good[-1] != "0" else "1"
    transport = [
        (lambda q: beside(q, true), None, "it does not answer"),
        (lambda q: [reply_to(q, true).to_wire()[:-1]], None, "malformed"),
        (cut, None, "it closed the connection"),
        (cut, lambda q: beside(q, true)[:1], "another exchange"),
        (cut, cut, "malformed|does not speak"),
    ]
    content = [
        (lambda q: [wire_of(reply_to(q, true, rcode=dns.rcode.SERVFAIL))], None, "it answers SERVFAIL"),
        (lambda q: [wire_of(reply_to(q, true, rcode=dns.rcode.NXDOMAIN))], None, "it answers NXDOMAIN"),
        (lambda q: [wire_of(reply_to(q, true, flags=0))], None, "it refers to others"),
        (lambda q: [wire_of(reply_to(q, true, flags=dns.flags.RA))], None, "neither authoritative nor validated"),
        (lambda q: [wire_of(reply_to(q, soa=f"{ZONE}."))], None, "does not speak for the parent"),
        (lambda q: [wire_of(reply_to(q, [good[:-1] + last] if good else [f"x DS 4711 13 2 {'AB' * 32}"]))], None, "DS of"),
    ]
    return content + transport if good else content  # those are the same for both


def check_liar():
    """A server that lies, in every way at hand, advances nothing; the truth does, over TCP too."""
    with node.Node(is_started=False) as daemon, Liar() as liar:
        remotes = {"liar": (LIAR_PORT, False)}
        shape = start(daemon, remotes)
        good = own_ds(daemon)
        for is_leaving in (False, True):
            if is_leaving:
                leave(daemon, shape, remotes)
            for over_udp, over_tcp, what in lies(None if is_leaving else good):
                liar.say(over_udp, over_tcp)
                node.wait_for(
                    lambda: any(text in said(daemon).get("liar", ("", 0))[0] for text in what.split("|")),  # pylint: disable=cell-var-from-loop
                    f"{what!r}, leaving {is_leaving}: {said(daemon)}",
                )
                if said(daemon)["liar"][1] or (state(daemon)["ds_removal_awaited"] if is_leaving else is_awaited(daemon)) is not True:
                    yield f"{what!r} counts, leaving {is_leaving}: {state(daemon)}"
            if is_leaving:
                liar.say(cut, lambda question: [wire_of(reply_to(question))])
                node.wait_for(lambda: not is_signed(daemon), f"the zone to be unsigned: {said(daemon)}")
            else:
                liar.say(cut, lambda question: [wire_of(reply_to(question, [good]))])
                node.wait_for(lambda: ds_seen(daemon), f"the truth to count: {said(daemon)}")
        got = counts(daemon)
        if got["noted"] != 2 or got["failed"] < 14 or got["agreed"] < 2 or got["waiting"] < 2:
            yield f"{got}"
        if f"parents     {got['asked']} asked for a DS" not in daemon.run("status").stdout:
            yield daemon.run("status").stdout


def check_key():
    """Where a parent is asked with a key, an answer that is not signed with it is none."""
    with node.Node(is_started=False) as daemon, Liar() as liar:
        start(daemon, {"liar": (LIAR_PORT, True)})
        good = own_ds(daemon)

        def forged(question):
            """Without a signature, and with that of another secret."""
            bare = dns.message.make_query(f"{ZONE}.", "DS")
            bare.id = question.id
            other = reply_to(bare, [good])
            other.use_tsig(dns.tsigkeyring.from_text({f"{peers.KEY}.": (peers.ALGORITHM, "Z3Vlc3NlZA==")}))
            other.request_mac = question.mac
            return [wire_of(reply_to(bare, [good])), wire_of(other)]

        liar.say(forged)
        node.wait_for(lambda: said(daemon)["liar"][0] == "its signature is not right", f"it to be seen through: {said(daemon)}")
        rounds(daemon)
        if ds_seen(daemon):
            yield f"{state(daemon)}"
        # what is forged does not keep the true one from being heard
        liar.say(lambda question: forged(question) + [wire_of(reply_to(question, [good]))])
        node.wait_for(lambda: ds_seen(daemon), f"the signed answer to count: {said(daemon)}")


def check_ttl():
    """A TTL at the parent that is longer than 'ds-ttl' is waited for, and all have to agree until then."""
    with node.Node(is_started=False) as daemon, Liar() as liar:
        start(daemon, {"liar": (LIAR_PORT, False)})
        good = own_ds(daemon)
        liar.say(lambda question: [wire_of(reply_to(question, [good], ttl=604800))])
        until = node.wait_for(lambda: parents_of(daemon).get("agreed_until"), f"agreement: {daemon.log()}")
        rounds(daemon)
        if ds_seen(daemon) or until != parents_of(daemon)["agreed_until"] or until < parents_of(daemon)["asked"] + 604000:
            yield f"{state(daemon)}"
        if len(lines_of(daemon, "has a TTL of 604800 s, and 'ds-ttl' says 1")) != 1 or "all agree" not in daemon.run("key", "show", ZONE).stdout:
            yield daemon.log()
        liar.say(lambda question: [wire_of(reply_to(question))])
        node.wait_for(lambda: parents_of(daemon)["agreed_until"] == 0, f"no agreement: {state(daemon)}")
        daemon.stop()  # what was seen is forgotten with the process, and seen again
        daemon.start()
        liar.say(lambda question: [wire_of(reply_to(question, [good], ttl=3))])
        until = node.wait_for(lambda: parents_of(daemon).get("agreed_until") or ds_seen(daemon), f"agreement: {daemon.log()}")
        node.wait_for(lambda: ds_seen(daemon), f"the DS to be seen: {daemon.log()}")
        if ds_seen(daemon) < until:
            yield f"not waited for: {until}, {state(daemon)}"


class Resolver(peers.Server):
    """Unbound, in front of the parent's server."""

    def __init__(self, anchors):
        super().__init__("unbound", ["unbound", "-d", "-c"])
        lines = [
            "server:",
            f' directory: "{self.path}"',
            ' username: ""',
            ' chroot: ""',
            f' pidfile: "{self.path}/pid"',
            " use-syslog: no",
            f" interface: 127.0.0.1@{validators.UNBOUND_PORT}",
            " do-ip6: no",
            " do-not-query-localhost: no",
            " cache-max-ttl: 0",
            " cache-max-negative-ttl: 0",
            ' module-config: "validator iterator"',
            f' local-zone: "{PARENT}" nodefault',
            *[f' trust-anchor: "{anchor}"' for anchor in anchors],
            "remote-control:",
            " control-enable: no",
            "stub-zone:",
            f' name: "{PARENT}"',
            f" stub-addr: 127.0.0.1@{BIND_PORT}",
        ]
        (self.path / "conf").write_text("\n".join(lines) + "\n")
        self.argv.append(str(self.path / "conf"))


def check_resolver():
    """A resolver counts where it has validated what it says, both of a DS and of none."""
    remotes = {"resolver": (validators.UNBOUND_PORT, False)}
    with node.Node(is_started=False) as daemon, Parent("bind", is_signed=True) as bind:
        keys = node.wait_for(lambda: bind.ask("DNSKEY"), f"the parent to be signed: {bind.log()}")
        name = dns.name.from_text(PARENT)
        anchors = [f"{PARENT}. DS {dns.dnssec.make_ds(name, key, 'SHA256')}" for key in keys[0] if key.flags & 1]
        shape = start(daemon, remotes)
        bind.put(own_ds(daemon))
        with Resolver([]):
            node.wait_for(lambda: "nor validated" in said(daemon)["resolver"][0], f"{said(daemon)}")
        if ds_seen(daemon):
            yield "not validated, and counts"
        with Resolver(anchors):
            node.wait_for(lambda: ds_seen(daemon), f"the DS to be seen: {said(daemon)}")
            leave(daemon, shape, remotes)
            rounds(daemon)
            if not is_signed(daemon):
                yield "unsigned with a DS at the parent"
            bind.put()
            node.wait_for(lambda: not is_signed(daemon), f"the zone to be unsigned: {said(daemon)}")


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
