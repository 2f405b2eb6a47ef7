# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate on a real interface: which addresses only serve DNS, as addresses come, move and go, and what they still let in."""

import contextlib
import socket
import ssl
import struct
import subprocess
import sys

import lab
import node
import tap

ALONE4, ALONE6 = "198.51.100.153", "2001:db8:1::153"
LONE = (ALONE4, ALONE6)
SHARED = (lab.SERVER4, lab.SERVER6)
OTHER_PORT = 8053

# Listens at ADDRESS PORT, says so, serves one client.
LISTENER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
print("listening", flush=True)
client, _ = listener.accept()
client.sendall(b"hello")
"""

# Sends a datagram from ADDRESS to a server, says what comes back.
ASKER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
asker = socket.socket(family, socket.SOCK_DGRAM)
asker.bind((sys.argv[1], 0))
asker.settimeout(10)
asker.sendto(b"question", (sys.argv[2], int(sys.argv[3])))
print(asker.recv(99).decode())
"""


def packet(to, protocol, payload):
    """A frame from c0 to s0."""
    ethernet = bytes.fromhex((lab.SERVER_MAC + lab.CLIENT_MAC).replace(":", ""))
    if ":" in to:
        addresses = socket.inet_pton(socket.AF_INET6, lab.CLIENT6) + socket.inet_pton(socket.AF_INET6, to)
        return ethernet + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + addresses + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    ip += socket.inet_aton(lab.CLIENT4) + socket.inet_aton(to)
    return ethernet + b"\x08\x00" + ip[:10] + struct.pack("!H", 0xFFFF ^ lab.ones_sum(ip)) + ip[12:] + payload


@contextlib.contextmanager
def serving(config=""):
    """A server of which two addresses stand on the loopback interface, and two where packets come in."""
    with lab.wired() as wired:
        wired.server.ip(f"address add {ALONE4}/32 dev lo", f"address add {ALONE6}/128 dev lo nodad")
        wired.client.ip(*(f"neighbour add {address} lladdr {lab.SERVER_MAC} dev c0" for address in LONE))
        with node.Node(config=config, options=["--xdp", "s0"], listen=[*LONE, *SHARED],
                       before=wired.server.enter) as daemon:
            for address in (*LONE, *SHARED):
                node.wait_for(lambda address=address: node.datagram(address, node.query(), wait_s=0.5)[0], address)
            yield wired, daemon


def verdicts(daemon):
    return daemon.status()["kernel"]["verdicts"]


def judged(daemon, frame):
    """The verdict of one packet, sent among others that count as passed."""
    before = verdicts(daemon)
    with lab.Wire("c0") as wire:
        wire.send(frame)
    node.wait_for(lambda: verdicts(daemon) != before, "the packet to be counted")
    return {name for name, count in verdicts(daemon).items() if count != before[name]} - {"pass_other"} or {"pass_other"}


def expect(daemon, to, protocol, payload, wanted):
    got = judged(daemon, packet(to, protocol, payload))
    if got != {wanted}:
        yield f"protocol {protocol} to {to}: {', '.join(sorted(got))}, not {wanted}"


def gre_to(daemon, wanted):
    for to, verdict in wanted.items():
        yield from expect(daemon, to, socket.IPPROTO_GRE, bytes(40), verdict)


def check_auto():
    """An address on the loopback interface is dedicated, as long as it stands there alone."""
    with serving() as (wired, daemon):
        yield from gre_to(daemon, {ALONE4: "drop_gre", ALONE6: "drop_gre", lab.SERVER4: "pass_other", lab.SERVER6: "pass_other"})
        if daemon.log().count("for DNS alone") != 2:
            yield daemon.log()
        # the address comes to an ordinary interface: now it may be used for anything
        wired.server.ip(f"address del {ALONE4}/32 dev lo", f"address add {ALONE4}/32 dev s0")
        node.wait_for(lambda: judged(daemon, packet(ALONE4, socket.IPPROTO_GRE, bytes(40))) == {"pass_other"}, "the change")
        wired.server.ip(f"address del {ALONE4}/32 dev s0", f"address add {ALONE4}/32 dev lo")
        node.wait_for(lambda: judged(daemon, packet(ALONE4, socket.IPPROTO_GRE, bytes(40))) == {"drop_gre"}, "the way back")


def check_yes():
    """dedicated: yes makes every address so."""
    with serving("guard: {dedicated: yes}\n") as (_, daemon):
        yield from gre_to(daemon, dict.fromkeys((*LONE, *SHARED), "drop_gre"))


def check_no():
    """dedicated: no makes none so."""
    with serving("guard: {dedicated: no}\n") as (_, daemon):
        yield from gre_to(daemon, dict.fromkeys((*LONE, *SHARED), "pass_other"))


def check_closed_ports():
    """A dedicated address is silent on closed ports over UDP and TCP; another says that they are closed."""
    udp = struct.pack("!HHHH", 40000, 9, 8, 0)
    with serving() as (_, daemon):
        for to in LONE:
            yield from expect(daemon, to, socket.IPPROTO_UDP, udp, "drop_port")
            with socket.create_server(("", 0)) as unused:
                client = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
                client.settimeout(0.3)
                with client, contextlib.suppress(TimeoutError):
                    client.connect((to, unused.getsockname()[1]))
                    yield f"{to} has let a connection in"
        for to in SHARED:
            try:
                socket.create_connection((to, OTHER_PORT), 5).close()
                yield f"{to} has let a connection in"
            except ConnectionRefusedError:
                pass


def check_programs():
    """What other programs listen to at a dedicated address, and what they ask from there, is let through."""
    with serving() as (wired, daemon):
        for local, remote in zip(LONE, (lab.CLIENT4, lab.CLIENT6)):
            command = [*wired.server.enter, sys.executable, "-c", LISTENER, local, str(OTHER_PORT)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as listener:
                listener.stdout.readline()
                with socket.create_connection((local, OTHER_PORT), 5) as client:
                    if client.recv(5) != b"hello":
                        yield f"no connection to a program at {local}"
            with socket.socket(socket.AF_INET6 if ":" in remote else socket.AF_INET, socket.SOCK_DGRAM) as primary:
                primary.bind((remote, 0))
                primary.settimeout(node.LIMIT_S)
                command = [*wired.server.enter, sys.executable, "-c", ASKER, local, remote, str(primary.getsockname()[1])]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asker:
                    _, peer = primary.recvfrom(99)
                    primary.sendto(b"answer", peer)
                    if asker.communicate()[0] != "answer\n":
                        yield f"no answer came to {local}"
        if verdicts(daemon)["drop_port"]:
            yield f"{verdicts(daemon)['drop_port']} packets dropped"


def check_tls():
    """TLS passes the gate where it is listened for, over TCP alone."""
    listen = ", ".join(f"'{address}@853'" for address in (*LONE, *SHARED))
    udp = struct.pack("!HHHH", 40000, 853, 8, 0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wire = node.query()
    with serving(f"tls: {{listen: [{listen}]}}\n") as (_, daemon):
        for to in (*LONE, *SHARED):
            with socket.create_connection((to, 853), 10) as plain, context.wrap_socket(plain) as client:
                client.sendall(struct.pack("!H", len(wire)) + wire)
                if not node.answers(client.recv(1 << 16)[2:], wire):
                    yield f"no answer from {to}"
        before = verdicts(daemon)["tcp_pass"]
        if not before or not verdicts(daemon)["tcp_syn"]:
            yield f"{verdicts(daemon)}"
        for to in LONE:
            yield from expect(daemon, to, socket.IPPROTO_UDP, udp, "drop_port")
        for to in SHARED:
            yield from expect(daemon, to, socket.IPPROTO_UDP, udp, "pass_other")


def check_prefixes():
    """Packets to unused addresses of a service prefix are dropped, until somebody takes the address."""
    config = "guard: {prefixes: [198.51.100.0/24, '2001:db8:1::/48']}\n"
    unused4, unused6 = "198.51.100.99", "2001:db8:1:7::99"
    echo = b"\x08\0\xf7\xff\0\0\0\0"
    with serving(config) as (wired, daemon):
        for to in (unused4, unused6):
            yield from expect(daemon, to, socket.IPPROTO_ICMP, echo, "drop_unused")
        yield from expect(daemon, lab.SERVER4, socket.IPPROTO_ICMP, echo, "pass_other")
        yield from expect(daemon, ALONE4, socket.IPPROTO_ICMP, echo, "pass_other")
        yield from expect(daemon, "198.51.101.99", socket.IPPROTO_ICMP, echo, "pass_other")
        for add, to in ((f"{unused4}/32", unused4), (f"{unused6}/128", unused6)):
            wired.server.ip(f"address add {add} dev s0")
            node.wait_for(lambda to=to: judged(daemon, packet(to, socket.IPPROTO_ICMP, echo)) == {"pass_other"}, f"{to} in use")
            wired.server.ip(f"address del {add} dev s0")
            node.wait_for(lambda to=to: judged(daemon, packet(to, socket.IPPROTO_ICMP, echo)) == {"drop_unused"}, f"{to} free")


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
