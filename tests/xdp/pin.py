# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that outlive their process: it is killed, the kernel goes on answering, the next one takes over."""

import contextlib
import ctypes
import os
import signal
import subprocess

import dns.message
import lab
import node
import tap

CLONE_NEWNS = 0x20000
EVERY_S = 0.002
ALONE = 200  # questions while there is no daemon
NAME = "serial.pinned.test"


def enter_mounts():
    """A mount namespace of this program's own, for BPF filesystems that go with it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextlib.contextmanager
def pinned():
    """The namespaces of a lab, and a directory for pins in a BPF filesystem."""
    with lab.wired() as wired:
        mounted = os.path.join(wired.directory.name, "bpf")
        os.mkdir(mounted)
        subprocess.run(["mount", "-t", "bpf", "bpf", mounted], check=True)
        try:
            yield wired, os.path.join(mounted, "seawall")
        finally:
            subprocess.run(["umount", mounted], check=True)


def serve(wired, pins, *options, serial=1, xdp=("--xdp", "s0"), **more):
    """A daemon with `serial` as text at NAME."""
    zone = os.path.join(wired.directory.name, f"{serial}.zone")
    with open(zone, "w", encoding="ascii") as file:
        file.write(node.zone_text(serial))
    return node.Node(options=[*xdp, "--pin", pins, "--zone", f"pinned.test={zone}", *options], before=wired.server.enter, **more)


def kill(daemon):
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(node.LIMIT_S)


def serial_at(address, wait_s=1.0):
    """The text at NAME, or None when nobody answers."""
    wire = node.query(NAME, "TXT")
    try:
        reply, _ = node.datagram(address, wire, wait_s=wait_s)
    except ConnectionRefusedError:
        return None
    if not node.answers(reply, wire):
        return None
    answer = dns.message.from_wire(reply).answer
    return answer[0][0].strings[0].decode() if answer else "no answer"


def attached(wired):
    """What hangs at the server's interface."""
    text = wired.server.run("ip", "-details", "link", "show", "s0") + wired.server.run("bpftool", "net", "show", "dev", "s0")
    return [line for line in text.splitlines() if "prog/xdp" in line or "sw_" in line]


def killed_and_restarted(native):
    with pinned() as (wired, pins), contextlib.ExitStack() as stack:
        wired.set_programs(native)
        first = stack.enter_context(serve(wired, pins))
        places = [lab.SERVER4, lab.SERVER6]
        for address in places:
            node.wait_for(lambda address=address: serial_at(address) == "1", address)
        heard = {address: [] for address in places}

        def ask():
            for address in places:
                heard[address].append(serial_at(address))

        with lab.meanwhile(ask, EVERY_S):
            kill(first)
            before = len(heard[places[1]])
            node.wait_for(lambda: len(heard[places[1]]) >= before + ALONE, "questions while there is no daemon")
            with serve(wired, pins, serial=2) as second:
                node.wait_for(lambda: serial_at(places[0]) == serial_at(places[1]) == "2", "the new zone")
                interface = second.status()["interfaces"][0]
                verdicts = second.status()["kernel"]["verdicts"]
        wanted = "native XDP" if native else "generic XDP"
        if interface["engine"] != wanted or interface["reason"] != f"{wanted}, taken over":
            yield f"{interface}"
        if verdicts["answered"] == 0 or verdicts["punt_room"] != 0:
            yield f"{verdicts}"
        for address, texts in heard.items():
            wrong = [text for text in texts if text not in ("1", "2")]
            if wrong:
                yield f"{address}: {len(wrong)} of {len(texts)} not answered: {wrong[:5]}"
            elif texts != sorted(texts):
                yield f"{address}: the old zone after the new one"


def check_killed_native():
    """SIGKILL, a second without a daemon, a new one with a newer zone: no query is lost; native XDP."""
    yield from killed_and_restarted(True)


def check_killed_generic():
    """The same, generic XDP, where the tc program makes room for the longer replies."""
    yield from killed_and_restarted(False)


def check_stopped():
    """SIGTERM takes them off: who stops a server does not want it to answer."""
    with pinned() as (wired, pins), serve(wired, pins) as daemon:
        if not attached(wired) or sorted(entry[:3] for entry in os.listdir(pins)) != ["tc-", "xdp"]:
            yield f"attached {attached(wired)}, pinned {os.listdir(pins)}"
        daemon.stop()
        if attached(wired) or os.listdir(pins):
            yield f"still attached {attached(wired)}, pinned {os.listdir(pins)}"


def check_stopped_early():
    """SIGTERM while the next one still loads its zones: nobody is to answer any more."""
    with pinned() as (wired, pins), serve(wired, pins) as daemon:
        kill(daemon)
        zone = os.path.join(wired.directory.name, "big.zone")
        with open(zone, "w", encoding="ascii") as file:
            file.write(node.zone_text(names=500_000))
        with node.Node(options=["--xdp", "s0", "--pin", pins, "--zone", f"big.test={zone}"], before=wired.server.enter,
                       ready=False) as second:
            node.wait_for(second.control.exists, "the second daemon")
            if not attached(wired):
                yield "taken off before it was asked for"
            second.stop()
            if "info: answering on" in second.log():
                yield "it was too fast for this check"
            if attached(wired) or os.listdir(pins):
                yield f"still attached {attached(wired)}, pinned {os.listdir(pins)}"


def check_two():
    """A second daemon with the same directory is refused, and the first goes on."""
    with pinned() as (wired, pins), serve(wired, pins) as first:
        with node.Node(options=["--xdp", "s1", "--pin", pins], before=wired.server.enter, ready=False,
                       listen=("127.0.0.1",)) as second:
            if second.process.wait(node.LIMIT_S) != 2 or "another seawall that runs" not in second.log():
                yield second.log()
        if serial_at(lab.SERVER4) != "1" or not attached(wired) or first.ended():
            yield "the first does not go on"


def unload(*words):
    run = subprocess.run([node.SEAWALL, "unload", *words], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def check_unload():
    """'seawall unload' takes off what a process left that died, and nothing of one that runs."""
    with pinned() as (wired, pins), serve(wired, pins) as daemon:
        code, text = unload("--pin", pins)
        if code != 1 or "another seawall that runs" not in text or not attached(wired):
            yield f"while it runs: {code} {text}"
        kill(daemon)
        if not attached(wired):
            yield "nothing is left after SIGKILL"
        config = os.path.join(wired.directory.name, "seawall.yaml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"server: {{pin: {pins}}}\n")
        code, text = unload(config)
        if (code, text) != (0, "2 link(s) taken off\n") or attached(wired):
            yield f"{code} {text} {attached(wired)}"
        if serial_at(lab.SERVER4, 0.2) is not None:
            yield "it is still answered"
        for words, wanted in ((("--pin", pins + "x"), 1), ((), 2), (("--pin", "/tmp"), 1)):
            code, text = unload(*words)
            if code != wanted or "error: " not in text:
                yield f"unload {words}: {code} {text}"


def check_wrong_directory():
    """A directory that is in no BPF filesystem is told, before anything starts."""
    with pinned() as (wired, _):
        with node.Node(options=["--xdp", "s0", "--pin", wired.directory.name], before=wired.server.enter, ready=False) as daemon:
            if daemon.process.wait(node.LIMIT_S) != 2 or "not in a BPF filesystem" not in daemon.log():
                yield daemon.log()


def check_interface_made_anew():
    """The interface has gone meanwhile, and another has its name, or its number: attached as if nothing had been."""
    with pinned() as (wired, pins):
        with serve(wired, pins) as daemon:
            kill(daemon)
        number = wired.server.run("ip", "-oneline", "link", "show", "s0").split(":")[0]
        wired.client.ip("link del c0")
        wired.client.ip(f"link add c0 address {lab.CLIENT_MAC} type veth peer name s0 address {lab.SERVER_MAC} "
                        f"netns {wired.server.holder.pid} index {number}",
                        *lab.addressed("c0", lab.CLIENT4, lab.CLIENT6))
        wired.server.ip(*lab.addressed("s0", lab.SERVER4, lab.SERVER6))
        with serve(wired, pins, serial=2) as daemon:
            node.wait_for(lambda: serial_at(lab.SERVER4) == "2", "an answer")
            reason = daemon.status()["interfaces"][0]["reason"]
            if "taken over" in reason or len(os.listdir(pins)) != 2:
                yield f"{reason} {os.listdir(pins)}"


def check_without_programs():
    """The next daemon is to answer from sockets: the programs of the one before go."""
    with pinned() as (wired, pins):
        with serve(wired, pins) as daemon:
            node.wait_for(lambda: serial_at(lab.SERVER4) == "1", "an answer")
            kill(daemon)
        with serve(wired, pins, serial=2, xdp=("--xdp", "none")) as daemon:
            if "taken off: 2 link(s)" not in daemon.log() or attached(wired):
                yield daemon.log()
            if serial_at(lab.SERVER4) != "2":
                yield "the zone of then is answered"


def check_outlive():
    """They go on for as long as 'outlive' says and no longer: nobody is answered from old zones for ever."""
    with pinned() as (wired, pins):
        with serve(wired, pins, config="server: {outlive: 2s}\n") as daemon:
            node.wait_for(lambda: serial_at(lab.SERVER4) == "1", "an answer")
            node.wait_for(lambda: daemon.status()["uptime_seconds"] > 3, "more than two seconds")
            if serial_at(lab.SERVER4) != "1":
                yield "it falls silent under a daemon that lives"
            kill(daemon)
            if serial_at(lab.SERVER4) != "1":
                yield "it falls silent at once"
            node.wait_for(lambda: serial_at(lab.SERVER4, 0.2) is None, "it to fall silent", limit_s=4)


if __name__ == "__main__":
    node.enter_namespace()
    enter_mounts()
    tap.run(globals())
