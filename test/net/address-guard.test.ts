import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { isForbiddenAddress } from '../../src/net/address-guard.ts';

/** The first and last address of a range that must not be reached, and its meaning. */
const FORBIDDEN: readonly (readonly [what: string, ...addresses: string[]])[] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private', '10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
  ['carrier NAT', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.0', '127.255.255.255', '::1'],
  [
    'link-local',
    '169.254.0.0',
    '169.254.169.254',
    '169.254.255.255',
    'fe80::1',
    'fe80::1%eth0',
    'febf::ffff',
  ],
  ['protocol assignments', '192.0.0.0', '192.0.0.255', '2001::', '2001:1ff:ffff::1'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.255', '2001:db8::1', '3fff::1'],
  ['benchmarks', '198.18.0.0', '198.19.255.255'],
  ['6to4', '192.88.99.1', '2002:a9fe:a9fe::1'],
  ['multicast', '224.0.0.0', '239.255.255.255', 'ff02::1'],
  ['reserved', '240.0.0.0', '255.255.255.255', '::', '4000::1', '5f00::1'],
  ['Azure', '168.63.129.16'],
  ['IPv4 in IPv6', '::ffff:8.8.8.8', '::ffff:a9fe:a9fe', '::ffff:127.0.0.1', '::127.0.0.1'],
  ['NAT64', '64:ff9b::a9fe:a9fe', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
  ['discard', '100::1'],
  ['unique local', 'fc00::1', 'fd00:ec2::254', 'fdff:ffff::1'],
  ['site-local', 'fec0::1'],
  ['no address', '', 'localhost', '127.1', '2130706433', '0x7f000001', '1.2.3.4.5', 'fe80::1::2'],
];
/** Neighbours of the ranges, and public servers. */
const PUBLIC = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...[
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.0.3.0',
  ],
  ...['192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '168.63.129.15'],
  ...[
    '168.63.129.17',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
    '2001:4860:4860::8888',
    '2003::1',
    '3ffe::1',
  ],
];

describe('isForbiddenAddress', () => {
  for (const [what, ...addresses] of FORBIDDEN) {
    it(`refuses ${what}`, () => {
      for (const address of addresses) assert.ok(isForbiddenAddress(address), address);
    });
  }

  it('allows public addresses', () => {
    for (const address of PUBLIC) assert.ok(!isForbiddenAddress(address), address);
  });

  it('refuses every address of this machine', () => {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    assert.ok(own.length > 0);
    for (const { address } of own) assert.ok(isForbiddenAddress(address), address);
  });
});
