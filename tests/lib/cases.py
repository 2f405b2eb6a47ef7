# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads conformance files; tests/conformance/README.md describes the format."""
import re
import shlex

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

import message

DEFAULT_TTL = 3600


class BadFile(Exception):
    """A mistake in a conformance file, with its place."""


class ZoneText:
    def __init__(self, origin, arguments, place):
        self.origin, self.place, self.lines = origin, place, []
        self.file = self.signed = None
        self.opt_out, self.iterations, self.salt = False, 0, '-'
        words = list(arguments)
        while words:
            word = words.pop(0)
            if word == 'file':
                self.file = words.pop(0)
            elif word == 'signed':
                self.signed = words.pop(0)
            elif word == 'opt-out':
                self.opt_out = True
            elif word.startswith('iterations='):
                self.iterations = int(word[11:])
            elif word.startswith('salt='):
                self.salt = word[5:]
            else:
                raise BadFile('%s: zone: %s?' % (place, word))

    @property
    def text(self):
        return '\n'.join(self.lines) + '\n'


class Case:
    """One query and the reply that is expected."""

    def __init__(self, citation, title, place, options, config):
        self.citation, self.title, self.place = citation, title, place
        self.options, self.config = options, config
        self.message = self.name = self.rdtype = None
        self.asked_edns = False
        self.asked_size, self.asked_do, self.is_stream = 0, False, False
        self.rcode, self.flags, self.is_silent = None, set(), False
        self.is_header_only = self.is_form_open = False
        self.sections = {'answer': [], 'authority': [], 'additional': []}
        self.may, self.either, self.claims = [], [], []
        self.soa_of, self.rrsets = [], []
        self.edns, self.edns_options, self.edns_size = None, [], None
        self.tsig_error = None


def repeat_text(text):
    """{x*3} is xxx."""
    return re.sub(r'\{([^{}*]*)\*(\d+)\}', lambda m: m.group(1) * int(m.group(2)), text)


def unfold(text):
    """Lines with their numbers; `repeat 1..9 TEXT` becomes nine lines with $ counted up."""
    for number, line in enumerate(text.splitlines(), 1):
        body = line.lstrip('\t')
        indent = line[:len(line) - len(body)]
        counted = re.match(r'repeat (\d+)\.\.(\d+) (.*)', body)
        if not counted:
            yield number, indent + repeat_text(body)
            continue
        for i in range(int(counted.group(1)), int(counted.group(2)) + 1):
            yield number, indent + repeat_text(counted.group(3).replace('$', str(i)))


def parse_record(text, place):
    """OWNER [TTL] [CLASS] TYPE RDATA, absolute names."""
    words = text.split(None, 1)
    owner, rest, ttl, rdclass = dns.name.from_text(words[0]), words[1], DEFAULT_TTL, dns.rdataclass.IN
    while True:
        word, _, tail = rest.partition(' ')
        if word.isdigit():
            ttl, rest = int(word), tail
        elif word in ('IN', 'CH'):
            rdclass, rest = dns.rdataclass.from_text(word), tail
        else:
            break
    try:
        rdtype = dns.rdatatype.from_text(word)
        rdata = dns.rdata.from_text(rdclass, rdtype, tail, origin=dns.name.root, relativize=False)
    except dns.exception.DNSException as e:
        raise BadFile('%s: %s: %s' % (place, text, e)) from e
    return message.Record(owner, rdtype, rdclass, ttl, rdata, rdata.to_wire())


def parse_hex(text):
    """Hex digits and "text", blanks anywhere."""
    out = b''
    for quoted, digits in re.findall(r'"([^"]*)"|([0-9A-Fa-f]+)', text):
        out += quoted.encode() if quoted else bytes.fromhex(digits)
    return out


class Parser:
    def __init__(self, path):
        self.path, self.zones, self.cases = path, [], []
        self.options, self.config, self.block = (), '', None
        with open(path, encoding='utf-8') as f:
            for number, line in unfold(f.read()):
                self.place = '%s:%d' % (path, number)
                self._line(line)
        for case in self.cases:
            if case.message is None or (case.rcode is None and not case.is_silent):
                raise BadFile('%s: a case needs `ask` or `raw`, and `reply`' % case.place)

    def _line(self, line):
        if self.block == 'config' and line.startswith('\t'):
            self.config += line[1:] + '\n'
        elif isinstance(self.block, ZoneText) and (line.startswith('\t') or not line.strip()):
            self.block.lines.append(line[1:])
        elif not line.strip() or line.startswith('#'):
            return
        elif line.startswith('\t'):
            self._inside(line.strip())
        else:
            self._top(line)

    def _top(self, line):
        word, _, rest = line.partition(' ')
        if word == 'zone':
            words = rest.split()
            self.block = ZoneText(words[0], words[1:], self.place)
            self.zones.append(self.block)
        elif word == 'options':
            self.options, self.config, self.block = tuple(shlex.split(rest)), '', None
        elif word == 'config':
            self.options, self.config, self.block = (), '', 'config'
        elif word == 'case':
            citation, colon, title = rest.partition(': ')
            if not colon:
                raise BadFile('%s: `case CITATION: TITLE`' % self.place)
            self.block = Case(citation, title, self.place, self.options, self.config)
            self.cases.append(self.block)
        else:
            raise BadFile('%s: %s?' % (self.place, word))

    def _inside(self, line):
        word, _, rest = line.partition(' ')
        do = getattr(self, '_do_' + word.replace('-', '_'), None)
        if not isinstance(self.block, Case) or do is None:
            raise BadFile('%s: %s?' % (self.place, word))
        do(self.block, rest.strip())

    def _do_ask(self, case, rest):
        words = rest.split()
        case.name = dns.name.from_text(words.pop(0))
        case.rdtype = dns.rdatatype.from_text(words.pop(0))
        rdclass, flags, opcode, mid = dns.rdataclass.IN, 0, 0, 0x5357
        size, version, eflags, options, edns = 1232, 0, 0, b'', False
        for word in words:
            key, _, value = word.partition('=')
            if word in message.FLAGS:
                flags |= message.FLAGS[word]
            elif word == 'do':
                edns, eflags, case.asked_do = True, eflags | message.DO, True
            elif word == 'stream':
                case.is_stream, case.options = True, case.options + ('--stream',)
            elif key == 'edns':
                edns, size = True, int(value or 1232)
            elif key == 'version':
                edns, version = True, int(value)
            elif key == 'eflags':
                edns, eflags = True, eflags | int(value, 16)
            elif key == 'opt':
                code, _, data = value.partition(':')
                edns, options = True, options + message.option(int(code), bytes.fromhex(data))
            elif key == 'opcode':
                opcode = int(value)
            elif key == 'id':
                mid = int(value, 16)
            else:
                rdclass = dns.rdataclass.from_text(word)
        case.asked_edns, case.asked_size = edns, size if edns else 0
        opt = message.opt_record(size, version=version, flags=eflags, options=options) if edns else b''
        case.message = message.query(case.name, case.rdtype, rdclass, mid, flags, opcode, opt)

    def _do_raw(self, case, rest):
        case.message = (case.message or b'') + parse_hex(rest)

    def _do_reply(self, case, rest):
        words = rest.split()
        if words == ['none']:
            case.is_silent = True
            return
        case.rcode, case.flags = dns.rcode.from_text(words[0]), set(words[1:])

    def _do_header_only(self, case, rest):
        case.is_header_only, case.is_form_open = rest != 'maybe', rest == 'maybe'

    def _section(self, case, section, rest):
        if rest == 'soa' or rest.startswith('soa '):
            case.soa_of.append(rest[4:] or None)
            return
        if rest.startswith('rrset '):
            words = rest.split()
            owner = dns.name.from_text(words[4 if words[3:4] == ['as'] else 1])
            case.rrsets.append((section, dns.name.from_text(words[1]), dns.rdatatype.from_text(words[2]), owner))
            return
        case.sections[section].append(parse_record(rest, self.place))

    def _do_answer(self, case, rest):
        self._section(case, 'answer', rest)

    def _do_authority(self, case, rest):
        self._section(case, 'authority', rest)

    def _do_additional(self, case, rest):
        self._section(case, 'additional', rest)

    def _do_may(self, case, rest):
        case.may.append(parse_record(rest, self.place))

    def _do_either(self, case, rest):
        case.either.append(parse_record(rest, self.place))

    def _do_prove(self, case, rest):
        words = rest.split()
        name = dns.name.from_text(words[1]) if len(words) > 1 else case.name
        rdtype = dns.rdatatype.from_text(words[2]) if len(words) > 2 else case.rdtype
        case.claims.append((words[0], name, rdtype))

    def _do_opt(self, case, rest):
        if rest in ('none', 'maybe'):
            case.edns = False if rest == 'none' else 'maybe'
            return
        case.edns = True
        for word in rest.split():
            code, _, value = word.partition('=')
            case.edns_options.append((int(code), value))

    def _do_tsig(self, case, rest):
        case.tsig_error = int(rest)
