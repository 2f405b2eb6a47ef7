#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The primary of the rows about transfers: one zone, in messages that are made beforehand.

A name server would have to read, sort and pack each version, and would be measured along with who asks it. This one
answers SOA, AXFR and IXFR from memory, in messages of 16 KiB and with names compressed to the zone's, as Knot and BIND
send them. It also announces a version (NOTIFY) and asks for it until it is answered.

Runs in the generator's namespace and takes commands as lines of JSON; each gets one line in reply.
"""

import json
import os
import select
import socket
import struct
import sys
import threading
import time

MESSAGE_BYTES = 16_384
WHOLE = "whole"
TYPE_A, TYPE_NS, TYPE_SOA, TYPE_IXFR, TYPE_AXFR, CLASS_IN = 1, 2, 6, 251, 252, 1
APEX = b"\xc0\x0c"  # a pointer to the question's name
POLL_S = 0.0005
ANSWER_S = 0.02
NOTIFY_AGAIN_S = 5
LIMIT_S = 120


def wire_name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner, rdtype, rdata):
    return owner + struct.pack("!HHIH", rdtype, CLASS_IN, 3600, len(rdata)) + rdata


def soa_record(serial):
    rdata = b"\x03ns1" + APEX + b"\x0ahostmaster" + APEX + struct.pack("!5I", serial, 7200, 3600, 1209600, 300)
    return record(APEX, TYPE_SOA, rdata)


def address_record(letter, number, address):
    return record(b"\x08%c%07d" % (letter, number) + APEX, TYPE_A, address)


def names_records(count):
    """h0000000 has 10.0.0.0 and so on: as zonegen writes them, and the generator asks for them."""
    return [address_record(ord("h"), i, bytes((10, i >> 16 & 255, i >> 8 & 255, i & 255))) for i in range(count)]


def changing_names(names, count):
    """Owners that nobody else asks for: some that stand side by side in the order of names, and as many among all
    others, as far from each other as can be."""
    return {"near": [b"\x08c%07d" % i for i in range(count)],
            "spread": [b"\x09h%07dx" % (i * names // count) for i in range(count)]}


def apex_records():
    return [record(APEX, TYPE_NS, b"\x03ns1" + APEX), record(APEX, TYPE_NS, b"\x03ns2" + APEX),
            record(b"\x03ns1" + APEX, TYPE_A, b"\xc6\x12\0\2"), record(b"\x03ns2" + APEX, TYPE_A, b"\xc6\x12\0\3")]


class Stream:
    """A transfer's messages, as they go over TCP; only the message ID is put in when it is asked for."""

    def __init__(self, apex, rdtype, records):
        question = apex + struct.pack("!HH", rdtype, CLASS_IN)
        self.bytes, self.ids = bytearray(), []
        batch, size = [], 0
        for one in records:
            if size + len(one) > MESSAGE_BYTES - 12 - len(question):
                self._message(question, batch)
                batch, size = [], 0
            batch.append(one)
            size += len(one)
        self._message(question, batch)

    def _message(self, question, batch):
        body = struct.pack("!5H", 0x8400, 1, len(batch), 0, 0) + question + b"".join(batch)
        self.bytes += struct.pack("!H", len(body) + 2)
        self.ids.append(len(self.bytes))
        self.bytes += b"\0\0" + body

    def with_id(self, number):
        for at in self.ids:
            self.bytes[at : at + 2] = number
        return self.bytes


class Primary:
    def __init__(self, origin, names, changes, own, server):
        self.apex, self.own, self.server = wire_name(origin), own, server
        self.names, self.changing = names_records(names), changing_names(names, changes)
        self.serial, self.part, self.is_away = 1, WHOLE, False
        self.versions = dict.fromkeys(self.changing, 1)  # serials that they came with
        self.lock = threading.Lock()
        self.made = {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((own, 53))
        self.tcp = socket.create_server((own, 53), backlog=64)
        threading.Thread(target=self._datagrams, daemon=True).start()
        threading.Thread(target=self._connections, daemon=True).start()

    # ---- answering ----

    def _whole_records(self):
        yield soa_record(self.serial)
        yield from apex_records()
        yield from self.names
        for part in self.changing:
            yield from self._changing_records(part, self.versions[part])
        yield soa_record(self.serial)

    def _changing_records(self, part, version):
        return [record(owner + APEX, TYPE_A, bytes((192, 0, 2, version & 255))) for owner in self.changing[part]]

    def _difference_records(self, before):
        yield soa_record(self.serial)
        yield soa_record(self.serial - 1)
        yield from self._changing_records(self.part, before)
        yield soa_record(self.serial)
        yield from self._changing_records(self.part, self.serial)
        yield soa_record(self.serial)

    def publish(self, part):
        """Make the next version, in which these names have another address, or all that ever have; and its messages
        before anybody waits for them."""
        with self.lock:
            before = self.versions.get(part)
            self.serial, self.part, self.made = self.serial + 1, part, {}
            for one in self.changing if part == WHOLE else [part]:
                self.versions[one] = self.serial
            if part == WHOLE:
                self._whole_stream(TYPE_AXFR)
                self._whole_stream(TYPE_IXFR)
            else:  # of the whole zone a million records, which nobody should ask for
                self.made[TYPE_IXFR, False] = Stream(self.apex, TYPE_IXFR, self._difference_records(before))

    def _whole_stream(self, rdtype):
        if (rdtype, True) not in self.made:
            self.made[rdtype, True] = Stream(self.apex, rdtype, self._whole_records())
        return self.made[rdtype, True]

    def _soa_reply(self, query):
        # of the query only the ID and the question: some add EDNS, or the SOA that they have
        end = 12 + len(self.apex) + 4
        return query[:2] + struct.pack("!5H", 0x8400, 1, 1, 0, 0) + query[12:end] + soa_record(self.serial)

    def _reply(self, query, is_stream):
        """@return what goes out, for TCP with its lengths"""
        at = 12 + len(self.apex)
        rdtype = struct.unpack("!H", query[at : at + 2])[0]
        if query[12:at].lower() != self.apex or rdtype not in (TYPE_SOA, TYPE_AXFR, TYPE_IXFR):
            refused = query[:2] + struct.pack("!5H", 0x8405, 0, 0, 0, 0)
            return struct.pack("!H", len(refused)) + refused if is_stream else refused
        if rdtype == TYPE_SOA or not is_stream:
            reply = self._soa_reply(query)
            return struct.pack("!H", len(reply)) + reply if is_stream else reply
        with self.lock:
            is_whole = rdtype == TYPE_AXFR or self.part == WHOLE or self._serial_of(query) != self.serial - 1
            stream = self._whole_stream(rdtype) if is_whole else self.made[rdtype, False]
            return bytes(stream.with_id(query[:2]))

    def _serial_of(self, query):
        """The serial that an IXFR's asker has: behind two names in the authority section."""
        at = 12 + len(self.apex) + 4
        at = skip_name(query, at) + 10
        at = skip_name(query, skip_name(query, at))
        return struct.unpack("!I", query[at : at + 4])[0]

    def _datagrams(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            if not self.is_away and len(query) > 12 and not query[2] & 0x80:
                self.udp.sendto(self._reply(query, False), peer)

    def _connections(self):
        while True:
            connection, _ = self.tcp.accept()
            if self.is_away:
                connection.close()
            else:
                threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def _connection(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection:
                while True:
                    size = struct.unpack("!H", read_exactly(connection, 2))[0]
                    connection.sendall(self._reply(read_exactly(connection, size), True))
        except (OSError, EOFError):
            pass  # who asked has gone

    # ---- announcing ----

    def _client(self):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((self.own, 0))
        client.connect((self.server, 53))
        return client

    def _notify(self, client):
        header = os.urandom(2) + struct.pack("!5H", 4 << 11 | 0x400, 1, 1, 0, 0)
        client.send(header + self.apex + struct.pack("!HH", TYPE_SOA, CLASS_IN) + soa_record(self.serial))

    def announce(self):
        """NOTIFY, and ask for the SOA until it is the new one.
        @return seconds, and the longest time between two answers to that question"""
        with self._client() as notifier, self._client() as asker:
            begin = answered = time.monotonic()
            self._notify(notifier)
            notified, silence = begin, 0.0
            while True:
                serial, now = serial_asked(asker, self.apex), time.monotonic()
                if serial is not None:
                    silence, answered = max(silence, now - answered), now
                if serial == self.serial:
                    return {"seconds": now - begin, "silence_s": silence, "serial": serial}
                if now - begin > LIMIT_S:
                    raise TimeoutError(f"serial {self.serial} is not answered after {LIMIT_S} s, but {serial}")
                if now - notified > NOTIFY_AGAIN_S:  # a server may have been busy with the version before
                    self._notify(notifier)
                    notified = now
                time.sleep(POLL_S)


def serial_asked(client, apex):
    """The serial in an authoritative answer, or None."""
    number = os.urandom(2)
    client.send(number + struct.pack("!5H", 0, 1, 0, 0, 0) + apex + struct.pack("!HH", TYPE_SOA, CLASS_IN))
    end = time.monotonic() + ANSWER_S
    try:
        while select.select([client], [], [], max(0, end - time.monotonic()))[0]:
            answer = client.recv(4096)
            if answer[:2] != number:
                continue  # a late one, to an earlier query
            if answer[3] & 15 or answer[6:8] == b"\0\0":
                return None
            at = skip_name(answer, 12 + len(apex) + 4) + 10
            at = skip_name(answer, skip_name(answer, at))
            return struct.unpack("!I", answer[at : at + 4])[0]
    except ConnectionRefusedError:
        pass
    return None


def skip_name(message, at):
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def main():
    origin, names, changes, own, server = sys.argv[1:]
    primary = Primary(origin, int(names), int(changes), own, server)
    print("{}", flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        reply = {}
        try:
            if command["do"] == "publish":
                primary.publish(command["part"])
            elif command["do"] == "announce":
                reply = primary.announce()
            elif command["do"] == "away":
                primary.is_away = command["is_away"]
            reply["serial"] = primary.serial
        except (TimeoutError, OSError) as failure:
            reply = {"failure": str(failure)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
