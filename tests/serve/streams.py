# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a connection, whether TCP or TLS. Clients are node.Stream or behave like it."""

import contextlib
import struct
import time

import node

BIG = 59000  # bytes that the reply for the large RRset has at least


def answered(client, message_id=1):
    wire = node.query(message_id=message_id)
    return node.answers(client.ask(wire), wire)


def ask_big(client, count):
    """So many queries for large answers at once, with IDs from 0 on."""
    client.send(*(node.query("big.example.com", "TXT", message_id=number) for number in range(count)))


def in_order(client, numbers, fault="reply {} is missing"):
    """The replies with these IDs come, in this order."""
    for number in numbers:
        if node.message_id(client.frame() or b"\xff\xff") != number:
            yield fault.format(number)
            return


def whole(client, wire, count):
    """So many large answers to one query, read late, are whole."""
    for number in range(count):
        reply = client.frame()
        if not node.answers(reply, wire) or len(reply) < BIG:
            yield f"reply {number} is not whole"
            return


def others_answered(connect):
    """Twenty others are answered, each on a connection of its own, and soon."""
    for _ in range(20):
        with connect() as other:
            start = time.monotonic()
            if not answered(other):
                yield "another client is not answered"
            if time.monotonic() - start > 1:
                yield "another client waited more than a second"


def idle(daemon, quiet, dripping):
    """With an idle time of 400 ms a quiet client is closed, and so is one whose query comes in pieces without end."""
    start = time.monotonic()
    if not answered(quiet):
        yield "not answered"
    dripping.socket.sendall(struct.pack("!H", 500))
    with contextlib.suppress(OSError):
        while not dripping.is_readable(0.05) and time.monotonic() - start < node.LIMIT_S:
            dripping.socket.sendall(b"x")
    took = time.monotonic() - start
    if not 0.3 < took < 5:
        yield f"a query in pieces was ended after {took:.1f} s"
    if quiet.ending() != "closed":
        yield "the quiet connection is not closed"
    node.wait_for(lambda: daemon.status()["tcp"]["connections"]["idle"] == 2, "both to be counted")


def stopping(daemon, reading, count):
    """On SIGTERM a client that has read the first of so many large answers gets the others, and the end is not far."""
    start = time.monotonic()
    daemon.process.terminate()
    yield from in_order(reading, range(1, count), "reply {} was lost by stopping")
    status = daemon.process.wait(node.LIMIT_S)
    took = time.monotonic() - start
    if status != 0:
        yield f"exit status {status}"
    if took > 6:
        yield f"took {took:.1f} s"
