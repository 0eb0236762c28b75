import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** What a hash costs to compute: 2^ln × 8r × 128 bytes of memory, p times over (RFC 7914). */
interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

interface PasswordHash extends ScryptCost {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and about 60 ms on a core of 2024. */
const defaultCost: ScryptCost = { ln: 15, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** A hash from elsewhere may be dearer than ours, but not so dear that checking it takes the worker down. */
const maxMemoryBytes = 256 * 1024 * 1024;

// PHC string format, parameters in this order, base64 without padding.
const phc = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Hashes a password as `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, defaultCost, hashBytes);
  const { ln, r, p } = defaultCost;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/** Whether the text is a hash that `verifyPassword` can check. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== undefined;
}

/**
 * Whether the password is the one that was hashed. The comparison takes the same time for every wrong password.
 * @throws Error when `hash` is not a password hash
 */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const expected = parse(hash);
  if (expected === undefined) throw new Error('not a password hash: expected $scrypt$ln=…,r=…,p=…$salt$hash');
  return timingSafeEqual(await derive(password, expected.salt, expected, expected.hash.length), expected.hash);
}

function parse(text: string): PasswordHash | undefined {
  const match = phc.exec(text);
  if (match === null) return undefined;
  const [, ln, r, p, salt, hash] = match;
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (cost.ln < 10 || cost.r < 1 || cost.p < 1 || cost.p > 16) return undefined;
  if (memoryBytes(cost) > maxMemoryBytes) return undefined;
  return { ...cost, salt: Buffer.from(salt ?? '', 'base64'), hash: Buffer.from(hash ?? '', 'base64') };
}

function memoryBytes({ ln, r }: ScryptCost): number {
  return 2 ** ln * 128 * r;
}

/** Passwords are compared in NFC: the same letters typed on another system are the same password (RFC 8265 §4). */
function derive(password: string, salt: Buffer, cost: ScryptCost, length: number): Promise<Buffer> {
  const { ln, r, p } = cost;
  // OpenSSL also counts p blocks and a little of its own.
  const maxmem = memoryBytes(cost) + 128 * r * p + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, { N: 2 ** ln, r, p, maxmem }, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
