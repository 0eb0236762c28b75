import { readSecretFile } from '../lib/secret-file.ts';
import type { TokenAuthOptions } from './auth-options.ts';

/**
 * The secret that signs an app's tokens, from wherever it is kept.
 * @throws SecretFileError; TypeError where there is none
 */
export function tokenSecret({ secret, secretFile }: TokenAuthOptions): string {
  if (secret !== undefined) return secret;
  if (secretFile === undefined) throw new TypeError('auth of type "token" needs a secret or a secretFile');
  return readSecretFile(secretFile);
}
