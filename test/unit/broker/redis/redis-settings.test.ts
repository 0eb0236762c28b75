import { describe, expect, it } from 'vitest';
import { defaultRedisOptions, type RedisOptions } from '../../../../src/broker/redis/redis-options.ts';
import { addressLabel, redisSettings, type RedisSettings } from '../../../../src/broker/redis/redis-settings.ts';

function settingsOf(options: Partial<RedisOptions>): RedisSettings {
  return redisSettings({ ...defaultRedisOptions, ...options });
}

describe('where Redis is', () => {
  it('is 127.0.0.1:6379 unless something else is said', () => {
    expect(settingsOf({})).toEqual({
      address: { host: '127.0.0.1', port: 6379 },
      username: undefined,
      password: undefined,
      db: 0,
      tls: undefined,
    });
  });

  it('is read from the parts of a URL', () => {
    expect(settingsOf({ url: 'rediss://app:p%40ss%2Fword@redis.example:7000/3' })).toEqual({
      address: { host: 'redis.example', port: 7000 },
      username: 'app',
      password: 'p@ss/word',
      db: 3,
      tls: {},
    });
    expect(settingsOf({ url: 'redis://:secret@[::1]' })).toMatchObject({
      address: { host: '::1', port: 6379 },
      username: undefined,
      password: 'secret',
      tls: undefined,
    });
  });

  it('is what is set besides the URL, where both are', () => {
    const options = { url: 'redis://app:one@a:7000/3', host: 'b', port: 7001, password: 'two', db: 4, tls: {} };
    expect(settingsOf(options)).toEqual({
      address: { host: 'b', port: 7001 },
      username: 'app',
      password: 'two',
      db: 4,
      tls: {},
    });
  });

  it('is not read from a URL of something else', () => {
    expect(() => settingsOf({ url: 'http://127.0.0.1' })).toThrow(
      'redis.url begins with "http:", expected "redis://" or "rediss://"',
    );
  });

  it('is called by host and port, an IPv6 address in brackets', () => {
    expect(addressLabel({ host: 'a', port: 1 })).toBe('a:1');
    expect(addressLabel({ host: '::1', port: 1 })).toBe('[::1]:1');
  });
});
