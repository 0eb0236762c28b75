import type { ListenOptions } from './server-options.ts';
import { StartError } from './lifecycle.ts';

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'this user may not listen there (ports below 1024 need a privilege)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host name',
};

/**
 * Says in a sentence why a port cannot be listened on.
 * @param section of the configuration, with its final dot; "" for the public port
 */
export function listenError(
  section: string,
  { host, port }: ListenOptions,
  error: Error & { code?: string },
): StartError {
  const { code = '' } = error;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const why = explanations[code];
  return new StartError(
    `cannot listen on ${address} (configuration: ${section}host, ${section}port): ${why === undefined ? error.message : `${why} (${code})`}`,
    { cause: error },
  );
}
