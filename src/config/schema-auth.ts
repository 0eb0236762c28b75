import { z } from 'zod';
import type { AuthOptions } from '../auth/auth-options.ts';
import { isPasswordHash } from '../auth/password-hash.ts';
import { schemaFor } from './schema-for.ts';
import { section, table, text } from './schema-parts.ts';

/** RFC 7518 §3.2: a key of the size of the hash output or larger. */
export const tokenSecretMinBytes = 32;

// A user name ends at the first colon of the credentials (RFC 7617 §2) and holds no control characters.
const userName = text('a user name without colons and control characters', { pattern: /^[^:\p{Cc}]+$/u });
const passwordHash = text('a password hash as printed by "carillon hash-password"', { accepts: isPasswordHash });

const basic = section({
  type: z.literal('basic').describe('basic: HTTP Basic (RFC 7617).'),
  users: table(userName, passwordHash, 'user names with their password hashes', {
    none: 'at least one user name with its password hash, as nobody could connect otherwise',
  }).describe('User name → password hash as `carillon hash-password` prints it.'),
  // What fits a quoted-string without escapes (RFC 9110 §5.6.4).
  realm: text('printable ASCII characters without quotes and backslashes', { pattern: /^[ !#-[\]-~]{1,100}$/ })
    .default('Carillon')
    .describe('Shown by browsers when they ask for a password.'),
});

const token = section({
  type: z
    .literal('token')
    .describe('token: a JWT signed with HS256, in `Authorization: Bearer`, a cookie, or `?token=`.'),
  secret: text(`a secret of at least ${tokenSecretMinBytes} bytes`, {
    accepts: (secret) => Buffer.byteLength(secret) >= tokenSecretMinBytes,
  })
    .exactOptional()
    .describe(`The secret that signs the tokens, at least ${tokenSecretMinBytes} bytes. This or \`secretFile\`.`),
  secretFile: text('the path of a file', { pattern: /^[^\0]+$/ })
    .exactOptional()
    .describe('File with the secret in one line; read at the start.'),
  // A cookie name is a token (RFC 6265 §4.1.1).
  cookie: text('the name of a cookie', { pattern: /^[\w!#$%&'*+.^`|~-]{1,100}$/ })
    .default('carillon_token')
    .describe('Name of the cookie that may carry the token.'),
});

const loopback = section({
  type: z.literal('loopback').describe("loopback: only connections from this machine's loopback addresses."),
});

export const authSchema: z.ZodType<AuthOptions> = schemaFor<AuthOptions>()(
  z.discriminatedUnion('type', [basic, token, loopback], { error: 'an object with a "type"' }),
);
