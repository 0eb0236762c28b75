import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { problemsOfFile } from '../support/config-problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const secret = 'a-secret-of-at-least-thirty-two-bytes';
const users = `apps: {chat: {urls: [/c], auth: {type: token, secret: ${secret}}}}`;

describe('the configuration of what is accepted', () => {
  it('is taken as it is written, with what it leaves out by default', async () => {
    await using folder = await temporaryFolder({
      'carillon.yaml': `accept: {rate: 50, perUser: {connections: 3}, trustedProxies: [10.0.0.0/8, "2001:db8::/32", "::1"]}
limits: {messagesPerSecond: 20}
${users.replace('{urls', '{limits: {bytesPerSecond: 5, subscriptions: 0}, urls')}`,
    });
    const { config } = loadConfig({ cwd: folder.path });
    expect(config.accept).toEqual({
      rate: 50,
      burst: 200,
      connections: 0,
      perAddress: 0,
      perUser: { connections: 3, excess: 'reject' },
      trustedProxies: ['10.0.0.0/8', '2001:db8::/32', '::1'],
    });
    expect(config.limits).toMatchObject({ messagesPerSecond: 20, bytesPerSecond: 0, subscriptions: 1_000 });
    expect(config.apps.chat?.limits).toEqual({ messageBytes: 65_536, bytesPerSecond: 5, subscriptions: 0 });
  });

  it.each([
    [
      'a burst that lets nobody in',
      'accept: {rate: 10, burst: 0}',
      'carillon.yaml:1:27: accept.burst: found 0, expected an integer from 1 to 1000000 (handshakes)',
    ],
    [
      'what is to happen to too many of a user',
      `accept: {perUser: {connections: 1, excess: close}}\n${users}`,
      'carillon.yaml:1:44: accept.perUser.excess: found "close", expected "reject" or "close-oldest"',
    ],
    [
      'a cap per user where nobody asks who that is',
      'accept: {perUser: {connections: 5}}\napps: {chat: {urls: [/c]}, echo: {auth: {type: loopback}, urls: [/e]}}',
      'carillon.yaml:1:33: accept.perUser.connections: found 5, and no app that knows its users, expected an app with urls and "auth" of type basic or token, or 0',
    ],
    [
      'a name for a proxy',
      'accept: {trustedProxies: [balancer]}',
      'carillon.yaml:1:27: accept.trustedProxies[0]: found "balancer", expected an IP address, or a network such as 10.0.0.0/8',
    ],
    [
      'a network that is none',
      'accept: {trustedProxies: [10.0.0.0/33]}',
      'carillon.yaml:1:27: accept.trustedProxies[0]: found "10.0.0.0/33", expected an IP address, or a network such as 10.0.0.0/8',
    ],
    [
      'a negative limit',
      'limits: {messagesPerSecond: -1}',
      'carillon.yaml:1:29: limits.messagesPerSecond: found -1, expected an integer from 0 to 1000000 (messages)',
    ],
  ])('is refused with %s', async (_what, content, problem) => {
    expect(await problemsOfFile(content)).toEqual([problem]);
  });
});
