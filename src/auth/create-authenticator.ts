import type { AuthOptions } from './auth-options.ts';
import type { Authenticator } from './authenticator.ts';
import { BasicAuthenticator } from './basic.ts';
import { loopbackAuthenticator } from './loopback.ts';
import { TokenAuthenticator } from './token.ts';

/** @param options an app's `auth` section; absent: everybody is admitted */
export function createAuthenticator(options: AuthOptions | undefined): Authenticator {
  switch (options?.type) {
    case undefined:
      return { authenticate: () => ({ admitted: true }) };
    case 'basic':
      return new BasicAuthenticator(options);
    case 'token':
      return new TokenAuthenticator(options);
    case 'loopback':
      return loopbackAuthenticator;
  }
}
