# SPDX-License-Identifier: GPL-3.0-or-later
"""The place where the drill happens: catchments, withdrawals, every kind of server, and that nothing of it is left.

This program runs in three ways: as the test; with "confine", as a drill does, to be killed; and with "world" or
"stay" inside the namespaces, where it does what there is to check.
"""

import contextlib
import functools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import tap

sys.dont_write_bytecode = True
# The test bears the name of what it tests, and the directory of the program would come first.
sys.path[0] = str(tap.ROOT / "lab")
sys.path.append(str(Path(__file__).parent))
import servers  # noqa: E402  pylint: disable=wrong-import-position
import topology  # noqa: E402  pylint: disable=wrong-import-position
import traces  # noqa: E402  pylint: disable=wrong-import-position
import warden  # noqa: E402  pylint: disable=wrong-import-position
from topology import POPS, SERVICE  # noqa: E402  pylint: disable=wrong-import-position
from zones import Line  # noqa: E402  pylint: disable=wrong-import-position

THIS = Path(__file__).resolve()
LIMIT_S = 20
STATE = "/run/drill"
EVERY_POP = range(len(POPS))
NSID = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")


# Inside: what there is to check. Faults are printed as "CHECK<TAB>FAULT".

def zone_file(origin, serial, hosts):
    with tempfile.NamedTemporaryFile("w", dir=STATE, suffix=".zone", delete=False) as file:
        file.write(f"{origin} 300 IN SOA ns1.{origin} h.{origin} {serial} 7200 900 1209600 300\n"
                   f"{origin} 300 IN NS ns1.{origin}\nns1.{origin} 300 IN A 192.0.2.53\n")
        file.writelines(f"{host}.{origin} 300 IN A 198.18.0.{number}\n" for number, host in enumerate(hosts, 1))
    return file.name


def answered_by(lab, pop, address, is_tcp, source):
    """Which POP answers a source for www.one.test.: its NSID; or what went wrong."""
    family = topology.family_of(address)
    kind = socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM
    namespace = "users" if source is topology.user_address else "inet"
    query = dns.message.make_query("www.one.test.", "A", use_edns=0, options=[NSID])
    try:
        with lab.socket(namespace, family, kind, source=source(pop, 7, family)) as client:
            client.settimeout(2)
            client.connect((address, 53))
            ask = dns.query.tcp if is_tcp else dns.query.udp
            reply = ask(query, address, timeout=2, sock=client)
    except (OSError, dns.exception.DNSException) as error:
        return f"{type(error).__name__} {error}"
    if reply.rcode() != dns.rcode.NOERROR or "198.18.0.1" not in reply.to_text():
        return f"wrong answer {reply.to_text()}"
    return next((option.data.decode() for option in reply.options if option.otype == NSID.otype), "nobody")


def misled(lab, homes, sources=(topology.modelled_address,), ways=(False, True)):
    """Catchments that are not answered by the POP they should be: homes[catchment]."""
    for pop in EVERY_POP:
        for address in SERVICE:
            for source in sources:
                for is_tcp in ways:
                    got = answered_by(lab, pop, address, is_tcp, source)
                    if got != POPS[homes[pop]]:
                        yield f"{POPS[pop]} to {address}{' over TCP' if is_tcp else ''}: {got}, not {POPS[homes[pop]]}"


def world_pinned(lab, _fleet):
    yield from lab.unpinned


def world_native(_lab, fleet):
    if fleet.engine() != "native XDP":
        yield fleet.engine()


def world_catchments(lab, _fleet):
    yield from misled(lab, EVERY_POP)


def world_users(lab, _fleet):
    yield from misled(lab, EVERY_POP, [topology.user_address])


def world_withdrawal(lab, _fleet):
    for pop in (0, 3):
        lab.withdraw(pop)
        lab.wait_announced([other for other in EVERY_POP if other != pop])
        homes = [topology.NEAREST[catchment][1] if catchment == pop else catchment for catchment in EVERY_POP]
        yield from misled(lab, homes)
        lab.announce(pop)
        lab.wait_announced()
    yield from misled(lab, EVERY_POP)


def world_server(lab, name):
    """Start it everywhere, ask through each POP, have it take up a new name and a new zone."""
    before = {f"{label}.test.": zone_file(f"{label}.test.", 1, ["www"]) for label in ("one", "two", "three")}
    after = {**before, "two.test.": zone_file("two.test.", 2, ["www", "new"]),
             "four.test.": zone_file("four.test.", 1, ["www"])}
    fresh = [Line("new.two.test.", "A", "answer", "two.test.", "c6120002"),
             Line("www.four.test.", "A", "answer", "four.test.", "c6120001")]
    with servers.Fleet(name, lab, tap.BUILD, f"{STATE}/servers") as fleet:
        fleet.start(before)
        if name == "seawall":
            for check in (world_pinned, world_native, world_catchments, world_users, world_withdrawal):
                report(check.__name__, check(lab, fleet))
        yield from misled(lab, EVERY_POP)
        if fleet.memory_bytes() < 1 << 20:
            yield f"{fleet.memory_bytes()} bytes of memory"
        result = fleet.reload(after, fresh)
        if not all(part["ok"] for part in result.values()):
            yield f"{result} {fleet.servers[0].output_tail()}"
    if left := [process for pop in EVERY_POP for process in lab.processes(f"pop{pop}") if process not in birds(lab)]:
        yield f"processes are left: {left}"


def birds(lab):
    return {bird.pid for bird in lab.birds.values()}


def report(check, faults):
    for fault in faults:
        print(check, " ".join(fault.split()), sep="\t")
    print(check, flush=True)


def world():
    """Everything that is to be checked while nobody interrupts."""
    with topology.Lab(warden.Warden(), tap.BUILD, STATE) as lab:
        lab.wait_announced()
        for name in servers.ALL:
            report(f"world_{name}", world_server(lab, name))


def stay():
    """Build and serve, until killed."""
    with topology.Lab(warden.Warden(), tap.BUILD, STATE) as lab:
        lab.wait_announced()
        print("announced", flush=True)
        with servers.Fleet("seawall", lab, tap.BUILD, f"{STATE}/servers") as fleet:
            fleet.start({"one.test.": zone_file("one.test.", 1, ["www"])})
            print("serving", flush=True)
            signal.pause()


# Outside.

@functools.cache
def seen_inside():
    """Faults of each check of the world that was made; the last lines of what it said instead when it broke off."""
    done = subprocess.run([sys.executable, THIS, "confine", "world"], check=False, capture_output=True, text=True)
    faults = {}
    for line in done.stdout.splitlines():
        check, *fault = line.split("\t")
        faults.setdefault(check, []).extend(fault)
    return faults, done.stderr.splitlines()[-20:] if done.returncode else []


def faults_of(check):
    faults, errors = seen_inside()
    yield from faults.get(check, ["not reached", *errors])


def check_pinned():
    """Receiving threads of both ends of every link are placed."""
    yield from faults_of("world_pinned")


def check_native():
    """Seawall answers with native XDP at every POP."""
    yield from faults_of("world_native")


def check_catchments():
    """Sources of each catchment reach their own POP: both addresses of both families, UDP and TCP."""
    yield from faults_of("world_catchments")


def check_users():
    """So do the users, through the router."""
    yield from faults_of("world_users")


def check_withdrawal():
    """The catchment of a POP that is withdrawn moves to the next, and back."""
    yield from faults_of("world_withdrawal")


def check_seawall():
    """Seawall: every POP, a new name, a new zone."""
    yield from faults_of("world_seawall")


def check_knot():
    """Knot with AF_XDP: the same."""
    yield from faults_of("world_knot")


def check_nsd():
    """NSD: the same."""
    yield from faults_of("world_nsd")


def check_bind():
    """BIND: the same."""
    yield from faults_of("world_bind")


def check_pdns():
    """PowerDNS behind dnsdist: the same."""
    yield from faults_of("world_pdns")


def killed(number, mark, span_s):
    """End a lab by a signal, some time after it said a word (or started); afterwards nothing may be left."""
    before, moment = traces.seen(), random.uniform(0, span_s)
    with subprocess.Popen([sys.executable, THIS, "confine", "stay"], stdout=subprocess.PIPE, text=True) as outer:
        while mark and (line := outer.stdout.readline().strip()) != mark:
            if not line:
                yield f"it ended before it was {mark}"
                return
        time.sleep(moment)
        spaces = traces.process_namespaces(traces.descendants(outer.pid))
        if mark and not {"programs", "receiving threads", "processes"} <= set(traces.left(before, spaces)):
            yield f"of a lab that is there only {traces.left(before, spaces)} is seen"
        outer.send_signal(number)
        outer.wait(LIMIT_S)
    if more := traces.left_for_good(before, spaces, LIMIT_S):
        yield f"{number.name} {moment:.2f} s after {mark or 'the start'} leaves {more}"


def check_killed_building():
    """SIGKILL to the outer process while the lab is built, at some random moment, leaves nothing."""
    for _ in range(3):
        yield from killed(signal.SIGKILL, "", 1.5)


def check_killed_starting():
    """SIGKILL while the servers start leaves nothing."""
    yield from killed(signal.SIGKILL, "announced", 3.0)


def check_killed_serving():
    """SIGKILL while the servers serve leaves nothing."""
    yield from killed(signal.SIGKILL, "serving", 0.3)


def check_terminated():
    """SIGTERM leaves nothing."""
    yield from killed(signal.SIGTERM, "announced", 0.3)


if __name__ == "__main__":
    if sys.argv[1:2] == ["confine"]:
        sys.exit(warden.confine([sys.executable, THIS, *sys.argv[2:]]))
    if warden.is_inside():
        os.makedirs(STATE, exist_ok=True)
        {"world": world, "stay": stay}[sys.argv[1]]()
    elif os.geteuid() != 0:
        print("1..0 # SKIP network namespaces and BPF need root")
    else:
        tap.run(globals())
