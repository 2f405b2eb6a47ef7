# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP sockets: who answers, batches, what is not answered, stopping, the control socket."""

import json
import os
import socket
import stat
import subprocess

import node
import tap


def wildcard(*options):
    """Ask every address of a daemon that listens on wildcards."""
    with node.Node(options=options) as daemon:
        addresses = ["127.0.0.1", "::1", *node.V4, *node.V6]
        for address in addresses:
            wire = node.query()
            reply, peer = node.datagram(address, wire)
            if not node.answers(reply, wire):
                yield f"no answer from {address}"
            elif peer != address:
                yield f"asked {address}, answered by {peer}"
        by_kernel = daemon.status()["kernel"]["verdicts"]["answered"]
        if by_kernel != (len(addresses) if "lo" in options and node.has_kernel() else 0):
            yield f"{by_kernel} answered by the kernel"


def check_wildcard_sockets():
    """Sockets: a wildcard answers from the address asked, IPv4 and IPv6."""
    yield from wildcard("--xdp", "none")


def check_wildcard_kernel():
    """Kernel: a wildcard answers from the address asked, IPv4 and IPv6."""
    yield from wildcard("--xdp", "lo")


def check_kernel_follows_addresses():
    """An address that comes, and one that goes, are noticed by the kernel part of a wildcard."""
    with node.Node(options=["--xdp", "lo"]) as daemon:
        subprocess.run(["ip", "address", "add", "203.0.113.9/32", "dev", "lo"], check=True)

        def answered_by_kernel():
            before = daemon.status()["kernel"]["verdicts"]["answered"]
            wire = node.query()
            reply, peer = node.datagram("203.0.113.9", wire)
            if not node.answers(reply, wire) or peer != "203.0.113.9":
                raise RuntimeError(f"answered by {peer}")
            return not node.has_kernel() or daemon.status()["kernel"]["verdicts"]["answered"] > before

        node.wait_for(answered_by_kernel, "the kernel to answer from the new address")
        subprocess.run(["ip", "address", "del", "203.0.113.9/32", "dev", "lo"], check=True)
        wire = node.query()
        if not node.answers(node.datagram("127.0.0.1", wire)[0], wire):
            yield "not answered after an address went"


def check_detached():
    """Stopping takes the program off the interface, and a second daemon can have it."""
    for _ in range(2):
        with node.Node(options=["--xdp", "lo"]) as daemon:
            link = subprocess.run(["ip", "link", "show", "lo"], capture_output=True, text=True, check=True).stdout
            if ("xdp" in link) != node.has_kernel():
                yield f"running: {link}"
            if daemon.stop() != 0:
                yield "exit status is not 0"
        link = subprocess.run(["ip", "link", "show", "lo"], capture_output=True, text=True, check=True).stdout
        if "xdp" in link:
            yield f"stopped: {link}"


def check_interface_taken():
    """An interface that has an XDP program already is served from sockets, and the reason is told."""
    with node.Node(options=["--xdp", "lo"]):
        with node.Node(options=["--xdp", "lo", "--listen", f"127.0.0.1@{node.PORT + 1}"], listen=()) as second:
            interface = second.status()["interfaces"][0]
            if interface["engine"] != "sockets" or not interface["reason"]:
                yield f"{interface}"
            if node.has_kernel() and "already has an XDP program" not in second.log():
                yield second.log()


def check_no_rights():
    """Without the right to load programs it says so, and serves from sockets."""
    if not node.has_kernel():
        return
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with node.Node(options=["--xdp", "lo"], before=drop) as daemon:
        interface = daemon.status()["interfaces"][0]
        if interface["engine"] != "sockets" or "CAP_BPF" not in interface["reason"]:
            yield f"{interface}"
        wire = node.query()
        if not node.answers(node.datagram("127.0.0.1", wire)[0], wire):
            yield "not answered"


def check_named():
    """A named address answers, the others do not."""
    with node.Node(listen=(node.V4[0], node.V6[0])):
        for address in (node.V4[0], node.V6[0]):
            wire = node.query()
            reply, peer = node.datagram(address, wire)
            if not node.answers(reply, wire) or peer != address:
                yield f"asked {address}, answered by {peer}"
        if node.datagram(node.V4[1], node.query(), wait_s=0.3)[0] is not None:
            yield "an address not listened on answers"


def check_address_later():
    """An address that comes after the start is answered from."""
    with node.Node(listen=("203.0.113.7",)) as daemon:
        if "no interface has the address of 203.0.113.7" not in daemon.log():
            yield "the log does not say that the address is missing"
        subprocess.run(["ip", "address", "add", "203.0.113.7/32", "dev", "lo"], check=True)
        wire = node.query()
        reply, peer = node.datagram("203.0.113.7", wire)
        subprocess.run(["ip", "address", "del", "203.0.113.7/32", "dev", "lo"], check=True)
        if not node.answers(reply, wire) or peer != "203.0.113.7":
            yield f"answered by {peer}"


def check_many():
    """Many clients, many queries in flight: all are answered, once each, and counted."""
    with node.Node() as daemon:
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        for place, client in enumerate(clients):
            client.settimeout(node.LIMIT_S)
            client.bind((f"10.0.{place}.1", 0))
            client.connect((node.V4[0], node.PORT))
        for turn in range(10):
            for client in clients:
                for number in range(100):
                    client.send(node.query(message_id=turn * 100 + number))
            for client in clients:
                got = sorted(node.message_id(client.recv(4096)) for _ in range(100))
                if got != list(range(turn * 100, turn * 100 + 100)):
                    yield f"turn {turn}: replies {got}"
                    return
        counted = sum(daemon.status()["udp"]["verdicts"].values())
        if counted != 20000:
            yield f"{counted} counted"
        for client in clients:
            client.close()


def check_unanswered():
    """Too short, too long, or itself a reply: no answer, counted, and the next one is answered."""
    with node.Node() as daemon:
        reply = bytearray(node.query())
        reply[2] |= 0x80
        cases = {"drop_short": b"\0" * 11, "drop_length": node.query() + bytes(5000), "drop_response": bytes(reply)}
        for verdict, wire in cases.items():
            if node.datagram("127.0.0.1", wire, wait_s=0.2)[0] is not None:
                yield f"{verdict}: answered"
            if daemon.status()["udp"]["verdicts"][verdict] != 1:
                yield f"{verdict}: not counted"
        if node.datagram("127.0.0.1", b"", wait_s=0.2)[0] is not None:
            yield "an empty datagram is answered"
        wire = node.query()
        if not node.answers(node.datagram("127.0.0.1", wire)[0], wire):
            yield "not answered afterwards"


def check_port_in_use():
    """A second daemon on the same port is refused, for UDP and for TCP, though both would share it."""
    with node.Node():
        with node.Node(ready=False) as second:
            if second.process.wait(node.LIMIT_S) != 1:
                yield "the second daemon serves on the port of the first"
            if "0.0.0.0@5300 (UDP): Address already in use" not in second.log():
                yield second.log()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", node.PORT))
        other.listen()
        with node.Node(ready=False) as second:
            if second.process.wait(node.LIMIT_S) != 1 or "(TCP): Address already in use" not in second.log():
                yield second.log()


def check_control():
    """The control socket is for the owner alone, survives nonsense, and goes with the daemon."""
    with node.Node() as daemon:
        mode = stat.S_IMODE(os.stat(daemon.control).st_mode)
        if mode != 0o600:
            yield f"mode {mode:o}"
        for request, want in {b"nonsense\n": False, b"[]\n": False, b'{"command": "dance"}\n': False,
                              b'{"command": "reload", "zone": 5}\n': False, b"x" * 9000 + b"\n": False,
                              b'{"command": "status"}\n': True}.items():
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(node.LIMIT_S)
                client.connect(str(daemon.control))
                client.sendall(request)
                said = b""
                try:
                    while got := client.recv(65536):
                        said += got
                except ConnectionResetError:
                    pass  # what we sent was not read to the end
            if said and json.loads(said)["ok"] is not want:
                yield f"{request[:40]}: {said[:200]}"
        with socket.socket(socket.AF_UNIX) as silent:  # holds the daemon up for a second at most
            silent.connect(str(daemon.control))
            wire = node.query()
            if not node.answers(node.datagram("127.0.0.1", wire, wait_s=0.5)[0], wire):
                yield "a silent control client stops the answers"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.control))
            client.sendall(b'{"command": "stop"}\n')
            if client.recv(100) != b'{"ok":true}\n':
                yield "stop is not answered"
        if daemon.process.wait(node.LIMIT_S) != 0 or daemon.control.exists():
            yield "the daemon does not go, or leaves its control socket"


def check_stale_control():
    """A control socket left by a daemon that was killed is taken over; one that is alive is not."""
    with node.Node() as daemon:
        daemon.process.kill()
        daemon.process.wait()
        options = ["--control", str(daemon.control)]
        with node.Node(options=options) as second:
            if subprocess.run([node.SEAWALL, "status", *options], capture_output=True, check=False).returncode:
                yield "the second daemon does not answer there"
            with node.Node(options=options, listen=(node.V4[0],), ready=False) as third:
                third.process.wait(node.LIMIT_S)
                if "a seawall answers on" not in third.log() and "in use" not in third.log():
                    yield third.log()
            if second.ended():
                yield "the second daemon is gone"


def check_stop():
    """SIGINT stops it at once, with exit status 0."""
    with node.Node() as daemon:
        daemon.process.send_signal(2)
        if daemon.process.wait(2) != 0:
            yield "exit status is not 0"
    if daemon.run("status").returncode != 3:
        yield "status of a stopped daemon does not exit with 3"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
