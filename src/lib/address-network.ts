import { isIPv6 } from 'node:net';
import { plainAddress } from './plain-address.ts';

/**
 * What counts as one client where clients are counted by address: an IPv4 address, or the /64 of an IPv6 address, of
 * which every host of a network has as many addresses as it likes (RFC 4291 §2.5.4, RFC 8981).
 * @param address as `remoteAddress` gives it, or in any other notation; what is no address counts as itself
 */
export function addressNetwork(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const groups = groupsOf(plain);
  // IPv4-mapped in hexadecimal notation.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return dotted(groups);
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight groups of a valid address in any notation (RFC 4291 §2.2). */
function groupsOf(address: string): readonly number[] {
  const [withoutZone = ''] = address.split('%', 1);
  const [left = '', right] = withoutZone.split('::');
  const before = partsOf(left);
  if (right === undefined) return before;
  const after = partsOf(right);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function partsOf(text: string): readonly number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

function dotted(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}
