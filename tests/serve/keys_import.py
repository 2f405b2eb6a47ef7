# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a zone that BIND or Knot has signed so far: taken over, the zone is valid by the DS that the parent has."""

import base64
import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import node
import tap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from signed import (
    SHORT, ZONE, begin, config, is_valid, state, states, transfer, wait_valid, whole_faults, zone_text,
)

QUESTIONS = (("www", "A"), ("nowhere", "A"), ("x.wild", "A"), ("unsigned", "DS"), ("", "DNSKEY"))


def output(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


def bind_key(directory, algorithm, *flags, zone=ZONE):
    """Make one as BIND does. @return its private file"""
    bits = ["-b", "2048"] if algorithm.startswith("RSA") else []
    stem = output("dnssec-keygen", "-q", "-K", directory, "-a", algorithm, *bits, *flags, zone).strip()
    return Path(directory) / f"{stem}.private"


def bind_ds(private):
    return output("dnssec-dsfromkey", "-2", private.with_suffix(".key")).splitlines()


def published(privates):
    """What the zone's DNSKEY set has to be: the flags and the first bytes of each key."""
    texts = [private.with_suffix(".key").read_text() for private in privates]
    return sorted(re.search(r"DNSKEY (\d+ 3 \d+ \S+)", text).group(1)[:40] for text in texts)


def served():
    dnskeys = transfer().find_rdataset(f"{ZONE}.", "DNSKEY")
    return sorted(dnskey.to_text()[:40] for dnskey in dnskeys)


def keys_directory(daemon):
    (daemon.path / "state").mkdir(exist_ok=True)
    return daemon.path / "state" / "keys"


def take_over(daemon, files, dnssec, trust):
    """Import, sign, and ask for everything with the old DS alone as trust."""
    done = daemon.run("key", "import", ZONE, *files, "--directory", keys_directory(daemon))
    if done.returncode or "seawall reload" not in done.stdout:
        yield f"import: {done.stdout}{done.stderr}"
        return
    begin(daemon, dnssec)
    for name, rdtype in QUESTIONS:
        said = is_valid(daemon, name, rdtype, trust)
        if said is not True:
            yield f"{name} {rdtype}: {said}"
    yield from whole_faults(daemon, transfer(), "AXFR")
    for key in state(daemon)["keys"]:
        wanted = ["published", "active"] + ["ds-submitted", "ds-seen"] * (key["role"] != "zsk")
        if any(key[moment] != key["created"] for moment in wanted):
            yield f"not in use from the beginning: {key}"


def check_bind_two_keys():
    """A KSK and a ZSK of BIND: the same DNSKEY set, valid by the old DS; and the ZSK can be rolled."""
    with node.Node(is_started=False) as daemon:
        ksk, zsk = (bind_key(daemon.path, "ECDSAP256SHA256", *flags) for flags in (("-f", "KSK"), ()))
        yield from take_over(daemon, (zsk, ksk), f"{{single-type: off, {SHORT}}}", bind_ds(ksk))
        if served() != published((ksk, zsk)):
            yield f"DNSKEY {served()}, not {published((ksk, zsk))}"
        if daemon.run("key", "roll", ZONE, "--role", "zsk").returncode:
            yield "the ZSK cannot be rolled"
        yield from wait_valid(daemon, lambda: states(daemon, "zsk") == ["active", "removed"], "the ZSK to be rolled")
        if is_valid(daemon, trust=bind_ds(ksk)) is not True:
            yield "not valid by the old DS when the ZSK has been rolled"


def check_bind_combined():
    """One key for all, which BIND marks as it marks a KSK: Ed25519."""
    with node.Node(is_started=False) as daemon:
        csk = bind_key(daemon.path, "ED25519", "-f", "KSK")
        yield from take_over(daemon, (f"csk:{csk}",), f"{{algorithm: ed25519, {SHORT}}}", bind_ds(csk))
        if served() != published((csk,)) or states(daemon, "csk") != ["active"]:
            yield f"DNSKEY {served()}, {states(daemon, 'csk')}"


def check_signed_file():
    """A big zone with the signatures of BIND in its file: valid while Seawall makes its own, and with these alone."""
    with node.Node(is_started=False) as daemon:
        ksk, zsk = (bind_key(daemon.path, "ECDSAP256SHA256", *flags) for flags in (("-f", "KSK"), ()))
        plain, signed = daemon.path / "plain", daemon.path / "signed"
        plain.write_text(zone_text(7, "".join(f"n{i} A 192.0.2.1\n" for i in range(20_000))))
        output("dnssec-signzone", "-S", "-K", daemon.path, "-d", daemon.path, "-o", ZONE, "-f", signed, plain)
        imported((ksk, zsk), keys_directory(daemon))
        (daemon.path / "zone").write_text(signed.read_text())
        daemon.configure(config(daemon, f"{{single-type: off, {SHORT}}}"))
        daemon.start()
        node.wait_for(lambda: is_valid(daemon, trust=bind_ds(ksk)) is True, f"an answer: {daemon.log()}")
        looks = []

        def look():
            is_over = state(daemon)["signed"] and not state(daemon)["signing"]
            looks.append((is_over, is_valid(daemon, "n1700", "A", bind_ds(ksk))))
            return is_over

        node.wait_for(look, f"the zone to be signed: {daemon.log()}")
        if any(said is not True for _, said in looks) or looks[0][0]:
            yield f"while it is being signed: {looks}"
        zone = transfer()
        yield from whole_faults(daemon, zone, "AXFR")
        # those of BIND are valid for 30 days, ours for 14
        if any(rrsig.expiration > time.time() + 20 * 86400 for _, _, rrsig in zone.iterate_rdatas("RRSIG")):
            yield "signatures of BIND are left"
        if zone.find_rdataset(f"{ZONE}.", "SOA")[0].serial <= 7:
            yield "the serial is not newer than that of BIND"


def knot_key(directory, *words):
    key = output("keymgr", "-D", directory, f"{ZONE}.", "generate", "algorithm=ECDSAP256SHA256", *words).strip()
    return f"{directory}/keys/{key}.pem"


def check_knot():
    """A KSK and a ZSK out of Knot's database of keys."""
    with node.Node(is_started=False) as daemon:
        kasp = daemon.path / "kasp"
        kasp.mkdir()
        ksk, zsk = knot_key(kasp, "ksk=yes", "zsk=no"), knot_key(kasp, "ksk=no", "zsk=yes")
        ds = [line for line in output("keymgr", "-D", kasp, f"{ZONE}.", "ds").splitlines() if " 13 2 " in line]
        ds = [re.sub(r"^(\S+) DS ", r"\1 IN DS ", line) for line in ds]
        yield from take_over(daemon, (f"ksk:{ksk}", f"zsk:{zsk}"), f"{{single-type: off, {SHORT}}}", ds)


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="seawall-keys-") as name:
        yield Path(name)


def imported(files, into, zone=ZONE):
    return subprocess.run([str(node.SEAWALL), "key", "import", zone, *map(str, files), "--directory", str(into)],
                          capture_output=True, text=True, check=False)


def check_refusals():
    """What is no key of the zone is refused with a reason, and leaves nothing behind."""
    with directory() as here:
        ksk, zsk = (bind_key(here, "ECDSAP256SHA256", *flags) for flags in (("-f", "KSK"), ()))
        ksk2, other = bind_key(here, "ECDSAP256SHA256", "-f", "KSK"), bind_key(here, "ED25519")
        rsa = bind_key(here, "RSASHA256", "-f", "KSK")
        alone, torn = here / "alone.private", here / "torn.private"
        shutil.copy(ksk, alone)
        swapped = []
        pairs = ((ksk, ksk2), (other, bind_key(here, "ED25519")), (ksk, other))
        for number, (private, public) in enumerate(pairs):
            swapped.append(here / f"swapped{number}.private")
            shutil.copy(private, swapped[-1])
            shutil.copy(public.with_suffix(".key"), swapped[-1].with_suffix(".key"))
        torn.write_text(ksk.read_text()[:60])
        shutil.copy(ksk.with_suffix(".key"), torn.with_suffix(".key"))
        pem = here / "key.pem"
        pem.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        big = here / "big"
        big.write_bytes(b"x" * 100_000)
        shared = (f"ksk:{pem}", f"zsk:{pem}")
        for files, wanted in (
            ([rsa], "another algorithm"), ([alone], "alone.key"), ([torn], "not a whole private key"),
            ([swapped[0]], "do not fit"), ([swapped[1]], "do not fit"),
            ([swapped[2]], "another than its .key file tells"),
            ([ksk, ksk2], "nor one KSK and one ZSK"), ([zsk], "nor one KSK and one ZSK"), ([ksk], "a KSK alone"),
            ([ksk, other], "than the first"), ([ksk, zsk, other], "not 3 keys"), (shared, "it has another use"),
            ([pem], "csk:FILE"), ([ksk.with_suffix(".key")], "not a private key in PEM"), ([big], "too large"),
            ([here / "none"], "No such file"),
        ):
            done = imported(files, here / "keys")
            if done.returncode != 1 or wanted not in done.stderr:
                yield f"{files}: {done.returncode}, {done.stderr!r}, not {wanted!r}"
            left = list((here / "keys").glob("*"))
            if left:
                yield f"{files}: leaves {left}"
        done = imported([ksk, zsk], here / "keys", "other.test")
        if done.returncode != 1 or "does not begin with a DNSKEY record of the zone" not in done.stderr:
            yield f"another zone: {done.stderr!r}"
        if imported([ksk, zsk], here / "keys").returncode != 0 or len(list((here / "keys").glob("*"))) != 3:
            yield "the keys cannot be imported"
        done = imported([ksk, zsk], here / "keys")
        if done.returncode != 1 or "has keys there already" not in done.stderr:
            yield f"twice: {done.stderr!r}"
        imported([f"csk:{pem}"], here / "keys", "first.test")
        done = imported([f"csk:{pem}"], here / "keys", "second.test")
        if done.returncode != 1 or "another zone" not in done.stderr or len(list((here / "keys").glob("*"))) != 5:
            yield f"the key of another zone: {done.stderr!r}"


def check_short_number():
    """Older BINDs leave out the zeros that a private number begins with."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        if key.private_value < 1 << 248:
            break
    public = b"".join(number.to_bytes(32, "big") for number in (key.public_numbers.x, key.public_numbers.y))
    number = key.private_value.to_bytes((key.private_value.bit_length() + 7) // 8, "big")
    with directory() as here:
        private = here / "short.private"
        private.with_suffix(".key").write_text(f"{ZONE}. IN DNSKEY 257 3 13 {base64.b64encode(public).decode()}\n")
        private.write_text("Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n"
                           f"PrivateKey: {base64.b64encode(number).decode()}\n")
        done = imported([f"csk:{private}"], here / "keys")
        if done.returncode:
            yield f"{len(number)} bytes: {done.stderr}"


def check_owner():
    """Whom the state directory belongs to can read the keys, and nobody else."""
    user = 4242
    with directory() as here:
        os.chmod(here, 0o755)
        state_directory = here / "state"
        state_directory.mkdir()
        os.chown(state_directory, user, user)
        csk = bind_key(here, "ECDSAP256SHA256", "-f", "KSK")
        done = imported([f"csk:{csk}"], state_directory / "keys")
        if done.returncode:
            yield done.stderr
        for path in (state_directory / "keys", *(state_directory / "keys").glob("*")):
            status = path.stat()
            if status.st_uid != user or status.st_gid != user or stat.S_IMODE(status.st_mode) & 0o077:
                yield f"{path}: {status}"


if __name__ == "__main__":
    tap.run(globals())
