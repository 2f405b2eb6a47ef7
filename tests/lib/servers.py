# SPDX-License-Identifier: GPL-3.0-or-later
"""Other name servers, started with configurations of ours, to compare with: Knot, NSD, BIND and PowerDNS."""
import os
import select
import signal
import socket
import struct
import subprocess
import time

SERVERS = ('knot', 'nsd', 'bind', 'pdns')
START_LIMIT_S = 20
REPLY_LIMIT_S = 1.0


class ServerFailed(Exception):
    """A server did not start; the text is what it logged."""


def knot_conf(directory, port, zones, secret):
    lines = ['server:', '    listen: 127.0.0.1@%d' % port, '    rundir: %s' % directory, '    udp-workers: 1',
             '    tcp-workers: 1', '    background-workers: 1', '    udp-max-payload: 1232', '    identity: ""', '    version: ""',
             'database:', '    storage: %s' % directory, 'log:', '  - target: stderr', '    any: warning']
    if secret:
        lines += ['mod-cookies:', '  - id: default', '    secret: 0x%s' % secret]
    lines += ['template:', '  - id: default', '    storage: %s' % directory, '    semantic-checks: off', '    journal-content: none',
              '    zonefile-sync: -1', '    zonefile-load: whole']
    lines += ['    global-module: mod-cookies/default'] if secret else []
    lines += ['zone:']
    for origin, path in zones:
        lines += ['  - domain: "%s"' % origin, '    file: "%s"' % path]
    return lines, 'knot.conf', ['knotd', '-c']


def nsd_conf(directory, port, zones, secret):
    lines = ['server:', ' ip-address: 127.0.0.1@%d' % port, ' username: ""', ' zonesdir: "%s"' % directory, ' database: ""',
             ' zonelistfile: "%s/list"' % directory, ' pidfile: "%s/pid"' % directory, ' xfrdfile: "%s/xfrd"' % directory,
             ' logfile: "%s/log"' % directory, ' server-count: 1', ' ipv4-edns-size: 1232', ' minimal-responses: no',
             ' rrl-ratelimit: 0', ' hide-version: yes', ' hide-identity: yes', ' refuse-any: no']
    lines += [' answer-cookie: yes', ' cookie-secret: %s' % secret] if secret else [' answer-cookie: no']
    lines += ['remote-control:', ' control-enable: no']
    for origin, path in zones:
        lines += ['zone:', ' name: "%s"' % origin, ' zonefile: "%s"' % path]
    return lines, 'nsd.conf', ['nsd', '-d', '-c']


def bind_conf(directory, port, zones, secret):
    lines = ['options {', ' directory "%s";' % directory, ' listen-on port %d { 127.0.0.1; };' % port, ' listen-on-v6 { none; };',
             ' recursion no;', ' allow-query { any; };', ' minimal-responses no;', ' zero-no-soa-ttl no;', ' minimal-any yes;', ' notify no;',
             ' pid-file "%s/pid";' % directory, ' session-keyfile none;', ' managed-keys-directory "%s";' % directory,
             ' max-udp-size 1232;', ' edns-udp-size 1232;', ' check-integrity no;', ' check-names primary ignore;', ' version none;',
             ' hostname none;', ' server-id none;', ' empty-zones-enable no;', ' dnssec-validation no;', ' allow-transfer { none; };',
             ' send-cookie no;', ' answer-cookie %s;' % ('yes' if secret else 'no')]
    lines += [' cookie-algorithm siphash24;', ' cookie-secret "%s";' % secret] if secret else []
    lines += ['};', 'controls { };', 'logging { category default { default_stderr; }; };']
    for origin, path in zones:
        lines.append('zone "%s" { type primary; file "%s"; };' % (origin, path))
    return lines, 'named.conf', ['named', '-g', '-n', '1', '-c']


def pdns_conf(directory, port, zones, _secret):
    with open(os.path.join(directory, 'bind.conf'), 'w', encoding='utf-8') as f:
        for origin, path in zones:
            f.write('zone "%s" { type master; file "%s"; };\n' % (origin, path))
    database = os.path.join(directory, 'dnssec.db')
    subprocess.run(['pdnsutil', '--config-dir=' + directory, 'create-bind-db', database], capture_output=True, check=False)
    lines = ['launch=bind', 'bind-config=%s/bind.conf' % directory, 'bind-dnssec-db=' + database, 'local-address=127.0.0.1',
             'local-port=%d' % port, 'socket-dir=' + directory, 'daemon=no', 'guardian=no', 'cache-ttl=0', 'query-cache-ttl=0',
             'negquery-cache-ttl=0', 'udp-truncation-threshold=1232', 'disable-syslog=yes', 'write-pid=no', 'version-string=',
             'server-id=', 'dname-processing=yes', 'any-to-tcp=no', 'receiver-threads=1', 'distributor-threads=1',
             'consistent-backends=yes', 'expand-alias=no', 'security-poll-suffix=', 'zone-cache-refresh-interval=0']
    return lines, 'pdns.conf', ['pdns_server', '--config-dir=' + directory]


CONF = {'knot': knot_conf, 'nsd': nsd_conf, 'bind': bind_conf, 'pdns': pdns_conf}


class Server:
    """One server on 127.0.0.1; a context manager that stops what it started."""

    def __init__(self, name, directory, port, zones, secret='', signed=None):
        """@param signed  origins of signed zones, to their NSEC3PARAM or '': PowerDNS wants to be told"""
        self.name, self.port, self.zones, self.process = name, port, zones, None
        os.makedirs(directory, exist_ok=True)
        lines, conf, argv = CONF[name](directory, port, zones, secret)
        path = os.path.join(directory, conf)
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')
        if name == 'pdns':
            for origin, nsec3 in (signed or {}).items():
                run = ['pdnsutil', '--config-dir=' + directory]
                if nsec3:
                    subprocess.run(run + ['set-nsec3', origin.rstrip('.'), nsec3], capture_output=True, check=False)
                subprocess.run(run + ['set-presigned', origin.rstrip('.')], capture_output=True, check=False)
        self.argv = argv if name == 'pdns' else argv + [path]
        self.log = os.path.join(directory, 'stderr')
        self.socket = self._connected()

    def __enter__(self):
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.socket.close()

    def _log_text(self):
        with open(self.log, errors='replace', encoding='utf-8') as f:
            return f.read()[-2000:]

    def _wait(self):
        """Until the SOA of every zone is answered with authority."""
        end = time.monotonic() + START_LIMIT_S
        # A socket of its own: a late reply must not be taken for that to a later message with the same ID.
        asking = self.socket
        self.socket = self._connected()
        try:
            self._wait_zones(end)
        finally:
            self.socket.close()
            self.socket = asking

    def _connected(self):
        connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        connected.connect(('127.0.0.1', self.port))
        return connected

    def _wait_zones(self, end):
        for origin, _ in self.zones:
            labels = [label for label in origin.rstrip('.').split('.') if label]
            name = b''.join(bytes([len(label)]) + label.encode() for label in labels) + b'\0'
            ask = struct.pack('!HHHHHH', 1, 0, 1, 0, 0, 0) + name + b'\0\x06\0\x01'
            while True:
                reply = self.ask(ask, 0.1)
                if reply and reply[2] & 4 and reply[3] & 15 == 0:
                    break
                if self.process.poll() is not None or time.monotonic() > end:
                    raise ServerFailed('%s does not serve %s: %s' % (self.name, origin, self._log_text()))
                select.select([], [], [], 0.01)

    def ask(self, wire, limit_s=REPLY_LIMIT_S):
        """Reply to a message, b'' if there is none in time."""
        return self._ask_once([wire], limit_s, 1)[0]

    def ask_all(self, messages):
        """Replies in the order of the messages, which have different IDs; what is lost is asked again, one by one."""
        replies = self._ask_once(messages, REPLY_LIMIT_S, 64)
        return [r or self._ask_once([m], REPLY_LIMIT_S, 1)[0] for m, r in zip(messages, replies)]

    def _ask_once(self, messages, limit_s, window):
        replies, waiting, at = [b''] * len(messages), {}, 0
        while at < len(messages) or waiting:
            while at < len(messages) and len(waiting) < window:
                mid = messages[at][:2] if len(messages[at]) >= 2 else b''
                if mid in waiting:
                    break
                self._send(messages[at])
                waiting[mid] = (at, time.monotonic() + limit_s)
                at += 1
            self._receive(waiting, replies)
            now = time.monotonic()
            for mid in [m for m, (_, end) in waiting.items() if end < now]:
                del waiting[mid]
        return replies

    def _send(self, wire):
        try:
            self.socket.send(wire)
        except ConnectionRefusedError:
            pass

    def _receive(self, waiting, replies):
        if not select.select([self.socket], [], [], 0.02)[0]:
            return
        try:
            while True:
                wire = self.socket.recv(65535, socket.MSG_DONTWAIT)
                if wire[:2] in waiting:
                    replies[waiting.pop(wire[:2])[0]] = wire
        except (BlockingIOError, ConnectionRefusedError):
            pass
