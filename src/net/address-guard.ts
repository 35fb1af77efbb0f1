import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Ranges without public servers: IANA's special-purpose registries (RFC 6890 and later ones). */
const FORBIDDEN_IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Azure's metadata and DNS, inside a public range.
  ['168.63.129.16', 32],
];

/**
 * Public addresses are in 2000::/3. The rest includes ::1, ::ffff:0:0/96 and 64:ff9b::/96, which stand for IPv4,
 * fc00::/7, fe80::/10 and ff00::/8; within it, some ranges are for tunnels or for documentation.
 */
const FORBIDDEN_IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

// Two lists: in one, the rule ::ffff:0:0/96 would match every IPv4 address.
const ipv4 = new BlockList();
const ipv6 = new BlockList();
for (const [network, prefix] of FORBIDDEN_IPV4) ipv4.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of FORBIDDEN_IPV6) ipv6.addSubnet(network, prefix, 'ipv6');

/**
 * Whether requests of clients must not make the service connect to an IP address: it is private, reserved, maps to
 * one that is, or belongs to this machine. Text that is not an IP address is forbidden as well.
 * @param address as sockets and DNS return it, without brackets; a zone (`%eth0`) may follow
 */
export function isForbiddenAddress(address: string): boolean {
  const bare = address.split('%', 1)[0]!;
  switch (isIP(bare)) {
    case 4:
      return ipv4.check(bare, 'ipv4') || isOwn(bare);
    case 6:
      return ipv6.check(bare, 'ipv6') || isOwn(bare);
    default:
      return true;
  }
}

/** Whether the address belongs to this machine: its public address would be reached from inside its firewall. */
function isOwn(address: string): boolean {
  const own = new BlockList();
  for (const found of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])) {
    own.addAddress(found.address.split('%', 1)[0]!, found.family === 'IPv4' ? 'ipv4' : 'ipv6');
  }
  return own.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
