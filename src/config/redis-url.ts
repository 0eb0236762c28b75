import { addressLabel } from '../broker/redis/redis-settings.ts';
import { parseAddress } from './host-address.ts';

const format = '"redis://user:password@host:6379/0", or "rediss://…" for TLS';

export const highestDatabase: number = 65_535;

/** What is wrong with a URL of Redis, as what is expected instead; undefined where nothing is. */
export function expectedOfRedisUrl(url: string): string | undefined {
  if (!/^rediss?:\/\//i.test(url)) return `a URL such as ${format}`;
  const whole = `a URL such as ${format}, with special characters of the password as %XX`;
  // Browsers' URL parser drops these from within.
  if (/[\s\p{Cc}]/u.test(url) || !URL.canParse(url)) return whole;
  const { username, password, hostname, port, pathname, search, hash } = new URL(url);
  if (search !== '' || hash !== '') {
    return 'a URL without query and fragment, with "?" and "#" of the password as %3F and %23';
  }
  if (hostname === '') return 'a URL with a host';
  if (port === '0' || parseAddress(hostname) === undefined) return whole;
  if (!isDecodable(username) || !isDecodable(password)) return 'a URL whose "%" are followed by two hexadecimal digits';
  const [, database] = /^\/?(\d{0,9})$/.exec(pathname) ?? [];
  if (database === undefined || Number(database) > highestDatabase) {
    return `a URL with nothing or the number of a database, 0 to ${highestDatabase}, behind the host`;
  }
  return undefined;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

const schemeOf: Readonly<Record<string, string>> = {
  'http:': 'redis:',
  'tcp:': 'redis:',
  'valkey:': 'redis:',
  'redis:': 'redis:',
  'https:': 'rediss:',
  'tls:': 'rediss:',
  'ssl:': 'rediss:',
  'valkeys:': 'rediss:',
  'rediss:': 'rediss:',
};

/** The valid URL that is nearest to an invalid one, if there is one to be seen. It has no password. */
export function nearestRedisUrl(text: string): string | undefined {
  const [, given = 'redis:', rest = ''] = /^(?:([a-z]+:)\/\/)?([^/@?#]*)\/?$/i.exec(text) ?? [];
  const scheme = schemeOf[given.toLowerCase()];
  const address = parseAddress(rest);
  if (scheme === undefined || address === undefined) return undefined;
  const host = addressLabel({ host: address.host, port: address.port ?? 6379 });
  const url = `${scheme}//${host}`;
  return expectedOfRedisUrl(url) === undefined ? url : undefined;
}

export function hasPassword(url: string): boolean {
  return URL.canParse(url) && new URL(url).password !== '';
}
