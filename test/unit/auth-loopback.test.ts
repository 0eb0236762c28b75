import { describe, expect, it } from 'vitest';
import { isLoopbackAddress, isLoopbackHost } from '../../src/auth/loopback.ts';

describe('loopback', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::FFFF:127.1.2.3'])('is address %s', (address) => {
    expect(isLoopbackAddress(address)).toBe(true);
  });

  it.each([
    '',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    '128.0.0.1',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    'fe80::1',
    '127.',
    '::ffff:7f00:1x',
  ])('is not address %j', (address) => {
    expect(isLoopbackAddress(address)).toBe(false);
  });

  it.each([
    'localhost',
    'LOCALHOST:8080',
    'app.localhost',
    '127.0.0.1:80',
    '127.1.2.3',
    '[::1]',
    '[::1]:8080',
    '[::ffff:127.0.0.1]:1',
  ])('is host %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    '',
    'example.com',
    'localhost.example.com',
    'notlocalhost',
    '127.0.0.1.example.com',
    'localhost@example.com',
    'localhost:80@example.com',
    'localhost:',
    'localhost:999999',
    '[::2]',
    '::1',
    'localhost, example.com',
    '0.0.0.0',
  ])('is not host %j', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});
