# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over TLS (RFC 9103) with BIND, both ways: who is trusted, who is not, and zones that go over TLS alone."""

import contextlib
import ssl

import certificates
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import node
import peers
import primary
import secondary
import tap

TLS_PORT = 8530
NAME = "ns.peer.test"


class Papers:
    """An authority, a certificate of it for NAME, and the files of both."""

    def __init__(self, directory):
        self.authority = certificates.Certificate("authority", is_authority=True)
        self.certificate = certificates.Certificate(NAME, issuer=self.authority)
        self.trust, self.path, self.key = (directory / name for name in ("trust.pem", "crt.pem", "key.pem"))
        self.trust.write_bytes(self.authority.pem)
        self.certificate.write(self.path, self.key)

    @property
    def pin(self):
        return self.certificate.pin

    def bind(self):
        """BIND with this certificate, as a primary."""
        return peers.Peer("bind", True, peers.zone_text(1), peers.BindTls.of_primary(self.path, self.key))


def secondary_config(daemon, papers, checks):
    """What Seawall is told: the primary speaks TLS, and `checks` are what its certificate must be."""
    plain = secondary.config(daemon.path / "state").replace(str(peers.PORT), str(peers.TLS_PORT))
    lines = "".join(f"    {key}: {value}\n" for key, value in {"tls": "on", **checks}.items())
    return f"tls:\n  trust: {papers.trust}\n" + plain.replace("zones:\n", f"{lines}zones:\n")


def follow(daemon, papers, checks):
    """A secondary of BIND over TLS: nothing, then a change by IXFR after a NOTIFY."""
    with papers.bind() as peer:
        daemon.configure(secondary_config(daemon, papers, checks))
        daemon.start()
        fault = peers.wait_serial(1, daemon, peer)
        if fault:
            yield fault
            return
        yield from secondary.differences("bind")
        peer.change(peers.zone_text(2, "extra A 192.0.2.99\n"))
        fault = peers.wait_serial(2, daemon, peer)
        if fault:
            yield fault
        elif not daemon.logs(rf"IXFR from primary \(127.0.0.1@{peers.TLS_PORT}\): serial 1 to 2"):
            yield f"not by IXFR over TLS:\n{daemon.log()}"


def check_secondary():
    """A zone of BIND comes over TLS alone, whose certificate is for the name, or has the pin, or both"""
    for wanted in (("tls-hostname",), ("tls-pin",), ("tls-hostname", "tls-pin"), ()):
        with node.Node(is_started=False) as daemon:
            papers = Papers(daemon.path)
            known = {"tls-hostname": NAME, "tls-pin": papers.pin}
            for fault in follow(daemon, papers, {key: known[key] for key in wanted}):
                yield f"{wanted}: {fault}"


def check_impostors():
    """BIND with another name, another key or nobody's word for it is not believed, and not asked without TLS"""
    stranger = certificates.Certificate("stranger", is_authority=True)
    rows = [
        ({"tls-hostname": "ns.other.test"}, None, "not for that name"),
        ({"tls-pin": stranger.pin}, None, "another key than the pin says"),
        ({"tls-hostname": NAME, "tls-pin": stranger.pin}, None, "another key than the pin says"),
        ({"tls-hostname": NAME}, stranger.pem, "not for that name, or not trusted"),
    ]
    for checks, trusted, wanted in rows:
        with node.Node(is_started=False) as daemon:
            papers = Papers(daemon.path)
            if trusted:
                papers.trust.write_bytes(trusted)
            with papers.bind() as peer:
                daemon.configure(secondary_config(daemon, papers, checks))
                daemon.start()
                try:
                    node.wait_for(lambda daemon=daemon, wanted=wanted: wanted in daemon.log(), f"'{wanted}'")
                except TimeoutError as error:
                    yield f"{checks}: {error}: {daemon.log()}{peer.log()}"
                if peers.soa_serial(node.PORT, node.LIMIT_S) is not None:
                    yield f"{checks}: the zone is served"


def check_without_tls():
    """BIND does not give the zone without TLS: what the first check saw went over it"""
    with node.Node(is_started=False) as daemon:
        papers = Papers(daemon.path)
        with papers.bind():
            reply = transfer(peers.PORT, dns.query.tcp)
            if reply.rcode() != dns.rcode.REFUSED:
                yield f"{reply}"


def transfer(port, ask, **options):
    """The first message for a signed AXFR."""
    question = dns.message.make_query(f"{peers.ZONE}.", "AXFR")
    question.use_tsig(peers.KEYRING)
    return ask(question, "127.0.0.1", port=port, timeout=node.LIMIT_S, **options)


def over_tls(port=TLS_PORT):
    context = certificates.client_context()
    return transfer(port, dns.query.tls, ssl_context=context)


def primary_config(daemon, papers):
    plain = primary.config(daemon).replace(f"allow-transfer: key {peers.KEY}", f"allow-transfer: {{key: {peers.KEY}, tls: on}}")
    return f"tls:\n  listen: 127.0.0.1@{TLS_PORT}\n  certificate: {papers.path}\n  key: {papers.key}\n{plain}"


@contextlib.contextmanager
def serving():
    """Seawall as a primary that speaks TLS, and its papers."""
    with node.Node(is_started=False) as daemon:
        papers = Papers(daemon.path)
        (daemon.path / "zone").write_text(peers.zone_text(1))
        daemon.configure(primary_config(daemon, papers))
        daemon.start()
        yield daemon, papers


def check_primary():
    """BIND has a zone of Seawall over TLS, from nothing through a new file to an update"""
    with serving() as (daemon, papers):
        with peers.Peer("bind", False, tls=peers.BindTls.of_secondary(papers.trust, NAME, TLS_PORT)) as peer:
            steps = [
                (1, lambda: None),
                (2, lambda: primary.new_file(daemon)),
                (3, lambda: primary.update("add more.live.test. 60 TXT three")),
            ]
            for serial, step in steps:
                fault = step() or peers.wait_serial(serial, daemon, peer)
                if fault:
                    yield fault
                    return
                yield from secondary.differences("bind")


def check_tls_alone():
    """Where a rule says so, the zone is given over TLS and to nobody without it, IXFR over UDP neither"""
    with serving():
        reply = over_tls()
        if reply.rcode() != dns.rcode.NOERROR or not reply.had_tsig or len(reply.answer) < 5:
            yield f"over TLS: {reply}"
        reply = transfer(node.PORT, dns.query.tcp)
        if reply.rcode() != dns.rcode.REFUSED or reply.answer:
            yield f"over TCP: {reply}"
        soa = dns.rrset.from_text(f"{peers.ZONE}.", 0, "IN", "SOA", f"ns1.{peers.ZONE}. hostmaster.{peers.ZONE}. 0 1 1 1 1")
        question = dns.message.make_query(f"{peers.ZONE}.", "IXFR")
        question.authority.append(soa)
        question.use_tsig(peers.KEYRING)
        reply = dns.query.udp(question, "127.0.0.1", port=node.PORT, timeout=node.LIMIT_S)
        if reply.rcode() != dns.rcode.REFUSED or reply.answer:
            yield f"IXFR over UDP: {reply}"


def check_bind_checks():
    """BIND that expects another name of us does not take the zone: the name in our certificate is what it sees"""
    with serving() as (_, papers):
        with peers.Peer("bind", False, tls=peers.BindTls.of_secondary(papers.trust, "ns.other.test", TLS_PORT)) as peer:
            node.wait_for(lambda: "TLS peer certificate verification failed" in peer.log(), f"BIND to refuse: {peer.log()}")
            if peers.soa_serial(peers.PORT, node.LIMIT_S) is not None:
                yield "BIND has the zone"


def check_alpn():
    """Transfers go by ALPN "dot" (s7.1): a client that speaks something else is refused"""
    with serving():
        context = certificates.client_context(alpn=("h2",))
        try:
            transfer(TLS_PORT, dns.query.tls, ssl_context=context)
            yield "a transfer was answered over another protocol"
        except ssl.SSLError:
            pass


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
