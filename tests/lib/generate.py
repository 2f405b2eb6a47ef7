# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated zones and queries, the same for the same seed.

The names come from few labels, so that queries hit, nearly hit and fall into cuts, wildcards, DNAMEs and empty
non-terminals about equally often. Zones are correct: what Seawall refuses or only warns of is for other tests.
"""
import os
import random

import dns.name
import dns.rdatatype

import message
import signing

LABELS = ('a', 'b', 'c', 'd', 'www', 'ns', 'mail', 'x-1', '_sip', '_udp', 'Mixed', 'deep', '0', 'zz')
RARE_LABELS = ('long' * 15, '\\000', '\\255', 'sp\\032ace', 'do\\.t', '-', '*x')
OUTSIDE = ('www.example.org.', 'ns.example.org.', 'a.b.c.d.e.example.edu.')
QTYPES = ('A', 'A', 'A', 'AAAA', 'TXT', 'MX', 'NS', 'NS', 'SOA', 'CNAME', 'DNAME', 'DS', 'SRV', 'DNSKEY', 'NSEC', 'NSEC3PARAM', 'CAA',
          'TYPE1234')


def below(name, parent):
    return name != parent and name.endswith('.' + parent)


class ZoneMaker:
    """One zone: a dictionary of owner → type → list of rdata, and a TTL for each RRset."""

    def __init__(self, rng, origin, others, names):
        self.rng, self.origin, self.others = rng, origin, others
        self.data, self.ttls = {}, {}
        self._apex()
        for _ in range(names):
            self._name()

    def add(self, owner, rdtype, *rdata):
        rrset = self.data.setdefault(owner, {}).setdefault(rdtype, [])
        rrset += [r for r in rdata if r not in rrset]
        self.ttls.setdefault((owner, rdtype), self.rng.choice((60, 300, 3600, 86400)))

    def _apex(self):
        self.add(self.origin, 'SOA', 'ns.%s host.%s 1 7200 900 1209600 %d' % (self.origin, self.origin, self.rng.choice((30, 300, 7200))))
        self.add(self.origin, 'NS', 'ns.' + self.origin)
        self.add('ns.' + self.origin, 'A', '192.0.2.53')
        if self.rng.random() < .5:
            self.add(self.origin, 'NS', self.rng.choice(OUTSIDE))
        if self.rng.random() < .5:
            self.add(self.origin, 'MX', '10 mail.' + self.origin)

    def labels(self):
        return [self.rng.choice(RARE_LABELS if self.rng.random() < .03 else LABELS) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3, 4)))]

    def target(self):
        """A name to point at: here, in another hosted zone, or outside."""
        dice = self.rng.random()
        if dice < .6:
            return self.rng.choice(list(self.data) or [self.origin])
        if dice < .75:
            return '.'.join(self.labels()) + '.' + self.origin
        return '.'.join(self.labels()) + '.' + self.rng.choice(self.others) if dice < .9 else self.rng.choice(OUTSIDE)

    def _name(self):
        rng, labels = self.rng, self.labels()
        if rng.random() < .15:
            labels[0] = '*'
        owner = '.'.join(labels) + '.' + self.origin
        if owner == 'ns.' + self.origin:
            return
        kind = rng.choices(('data', 'cname', 'dname', 'cut', 'big'), (60, 14, 5, 14, 2) if labels[0] != '*' else (60, 14, 0, 0, 2))[0]
        if kind == 'data':
            for _ in range(rng.choice((1, 1, 2, 3))):
                self._data(owner)
        elif kind == 'big':
            self.add(owner, 'TXT', *('"%s"' % (chr(97 + i) * rng.randrange(30, 250)) for i in range(rng.randrange(2, 9))))
        elif kind == 'cname':
            self.data[owner] = {'CNAME': [self.target()]}
            self.ttls[owner, 'CNAME'] = rng.choice((60, 3600))
        elif kind == 'dname':
            self.add(owner, 'DNAME', self.target())
            self.data[owner].pop('CNAME', None)
        else:
            self._cut(owner)

    def _data(self, owner):
        rng = self.rng
        if 'CNAME' in self.data.get(owner, ()):
            return
        rdtype = rng.choice(('A', 'A', 'A', 'AAAA', 'TXT', 'MX', 'SRV', 'CAA', 'TYPE1234'))
        make = {'A': lambda: '192.0.2.%d' % rng.randrange(256), 'AAAA': lambda: '2001:db8::%x' % rng.randrange(65536),
                'TXT': lambda: '"text %d"' % rng.randrange(99), 'MX': lambda: '%d %s' % (rng.randrange(99), self.target()),
                'SRV': lambda: '0 %d 5060 %s' % (rng.randrange(99), self.target()), 'CAA': lambda: '0 issue "ca%d.example"' % rng.randrange(9),
                'TYPE1234': lambda: '\\# 2 %04x' % rng.randrange(65536)}[rdtype]
        self.add(owner, rdtype, *(make() for _ in range(rng.choice((1, 1, 2, 5)))))

    def _cut(self, owner):
        rng = self.rng
        self.data[owner] = {}
        for _ in range(rng.choice((1, 2, 3))):
            dice = rng.random()
            if dice < .5:
                self.add(owner, 'NS', 'ns%d.%s' % (rng.randrange(3), owner))
            else:
                self.add(owner, 'NS', 'ns.' + self.origin if dice < .65 else rng.choice(OUTSIDE) if dice < .8 else self.target().replace('*', 'star'))
        if rng.random() < .4:
            self.add(owner, 'DS', '%d 13 2 %064x' % (rng.randrange(65536), rng.getrandbits(256)))

    def _tidy(self):
        """RFC 6672 s2.4: nothing below a DNAME; below a cut only glue, which comes later."""
        lower = {}
        for owner in list(self.data):
            if owner.lower() in lower:
                del self.data[owner]
            lower[owner.lower()] = owner
        tops = [o.lower() for o, types in self.data.items() if 'DNAME' in types or 'NS' in types and o != self.origin]
        for owner in list(self.data):
            types = self.data[owner]
            if any(below(owner.lower(), top) for top in tops) or not types:
                del self.data[owner]
            elif 'CNAME' in types:
                self.data[owner] = {'CNAME': types['CNAME'][:1]}
            elif 'NS' in types and owner != self.origin:
                self.data[owner] = {t: types[t] for t in ('NS', 'DS') if t in types}
            elif 'DNAME' in types:
                types['DNAME'] = types['DNAME'][:1]

    def _address(self, owner):
        owner = next((o for o in self.data if o.lower() == owner.lower()), owner)
        self.add(owner, 'A', '192.0.2.%d' % self.rng.randrange(256))
        if self.rng.random() < .5:
            self.add(owner, 'AAAA', '2001:db8::%x' % self.rng.randrange(65536))

    def _glue(self):
        """Servers inside the zone have addresses: glue if they are below a cut, else a name that has some."""
        cuts = [o.lower() for o, types in self.data.items() if 'NS' in types and o != self.origin]
        for owner in list(self.data):
            rrset = self.data[owner].get('NS', [])
            for i, target in enumerate(rrset):
                low = target.lower()
                types = next((t for o, t in self.data.items() if o.lower() == low), {})
                if not below(low, self.origin.lower()) or 'A' in types or 'AAAA' in types:
                    continue
                if any(low == cut or below(low, cut) for cut in cuts):
                    self._address(target)
                else:
                    rrset[i] = 'ns.' + self.origin
            self.data[owner].update({'NS': list(dict.fromkeys(rrset))} if rrset else {})

    def finish(self, children):
        """Delegate hosted children, then make the zone correct."""
        for child in children:
            for owner in [o for o in self.data if o.lower() == child or below(o.lower(), child)]:
                del self.data[owner]
            self.add(child, 'NS', 'ns.' + child)
        self._tidy()
        self._glue()

    def text(self):
        lines = []
        for owner, types in self.data.items():
            for rdtype, rrset in types.items():
                lines += ['%s\t%d\tIN\t%s\t%s' % (owner, self.ttls.get((owner, rdtype), 3600), rdtype, r) for r in rrset]
        return '\n'.join(lines) + '\n'


class World:
    """Zones on disk, signed and unsigned, parent and child, and queries for them."""

    SHAPES = (('plain.test.', None), ('nsec.test.', 'nsec'), ('nsec3.test.', 'nsec3'), ('optout.test.', 'optout'),
              ('child.plain.test.', None), ('child.nsec.test.', 'nsec'), ('Upper.TEST.', None), ('z.', None))

    def __init__(self, seed, directory, names=60):
        self.rng = random.Random(seed)
        self.zones, self.signed, self.names, self.cuts = [], {}, [], []
        origins = [o for o, _ in self.SHAPES]
        for number, (origin, kind) in enumerate(self.SHAPES):
            maker = ZoneMaker(self.rng, origin, [o for o in origins if o != origin], names)
            maker.finish([o for o in origins if below(o, origin)])
            path = self._write(os.path.join(directory, 'zone%d' % number), origin, kind, maker.text())
            self.zones.append((origin, path))
            self.names += list(maker.data)
            self.cuts += [dns.name.from_text(o) for o, types in maker.data.items() if 'NS' in types and o != origin]
        self.origins = origins

    def _write(self, directory, origin, kind, text):
        os.makedirs(directory)
        path = os.path.join(directory, 'zone')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        if kind is None:
            return path
        out = path + '.signed'
        if kind == 'nsec':
            signing.sign_nsec(origin, path, out)
        else:
            signing.sign_nsec3(origin, path, out, opt_out=kind == 'optout', salt='-')
        self.signed[origin] = {'nsec': '', 'nsec3': '1 0 0 -', 'optout': '1 1 0 -'}[kind]
        return out

    def has(self, name):
        """Whether a name owns records in one of the zones."""
        return any(name == dns.name.from_text(owner) for owner in self.names)

    def is_below_cut(self, name):
        """Whether a name is at or below a delegation of one of the zones."""
        return any(name.is_subdomain(cut) for cut in self.cuts)

    def qname(self):
        rng = self.rng
        name, dice = rng.choice(self.names), rng.random()
        if dice < .40:
            pass
        elif dice < .65:
            name = '.'.join(rng.choice(LABELS + ('*', 'nope')) for _ in range(rng.choice((1, 1, 2, 3)))) + '.' + name
        elif dice < .78:
            name = name.split('.', 1)[1] or '.'
        elif dice < .92:
            name = '.'.join(rng.choice(LABELS + ('nope', '*')) for _ in range(rng.choice((1, 2, 3, 5)))) + '.' + rng.choice(self.origins)
        else:
            name = rng.choice(OUTSIDE + ('.', 'test.', 'plain.example.'))
        try:
            name = dns.name.from_text(name)
        except dns.name.NameTooLong:
            return dns.name.from_text(self.origins[0])
        if rng.random() < .2:
            name = dns.name.Name([bytes(b ^ 0x20 if rng.random() < .5 and chr(b).isascii() and chr(b).isalpha() else b for b in label)
                                  for label in name.labels])
        return name

    def query(self, mid=None):
        """@return (name, type as a number, message)"""
        rng = self.rng
        name, rdtype = self.qname(), dns.rdatatype.from_text(rng.choice(QTYPES))
        opt = b''
        if rng.random() < .8:
            opt = message.opt_record(rng.choice((512, 1232, 1232, 4096)), do=rng.random() < .6)
        flags = message.RD if rng.random() < .3 else 0
        return name, rdtype, message.query(name, rdtype, 1, rng.getrandbits(16) if mid is None else mid, flags, 0, opt)
