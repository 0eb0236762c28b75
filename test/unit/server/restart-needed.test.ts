import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { restartNeeded } from '../../../src/server/restart-needed.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function changed(before: object, after: object): Promise<readonly string[]> {
  const load = async (config: object) => {
    await using folder = await temporaryFolder({
      'carillon.json': JSON.stringify({ node: 'a', workers: 2, ...config }),
    });
    return loadConfig({ flags: { 'log-directory': '/var/log' }, cwd: folder.path }).config;
  };
  return restartNeeded(await load(before), await load(after));
}

describe('what needs a restart', () => {
  it('is nothing where nothing changed, nor where only workers have to know', async () => {
    expect(await changed({}, {})).toEqual([]);
    const after = { drain: { period: 3 }, apps: { echo: { urls: ['/e'] } }, limits: { messageBytes: 7 } };
    expect(await changed({}, after)).toEqual([]);
  });

  it('is named', async () => {
    const after = { host: '127.0.0.2', port: 1, node: 'b', workers: 3, operations: { port: 2 }, redis: {} };
    expect(await changed({}, after)).toEqual(['host', 'port', 'node', 'workers', 'operations', 'redis']);
  });

  it('is another Redis, and not another way to say where it is, or to log in', async () => {
    const before = { redis: { url: 'redis://ann:secret@10.0.0.1:6380/2' } };
    expect(await changed(before, { redis: { host: '10.0.0.1', port: 6380, db: 2, password: 'x' } })).toEqual([]);
    expect(await changed(before, { redis: { url: 'redis://ann:secret@10.0.0.2:6380/2' } })).toEqual(['redis']);
    expect(await changed(before, { redis: { url: 'redis://10.0.0.1:6380/3' } })).toEqual(['redis']);
    expect(await changed({ redis: {} }, { redis: { keyPrefix: 'other:' } })).toEqual(['redis']);
    expect(await changed({ redis: {} }, { redis: { cluster: ['127.0.0.1:6379'] } })).toEqual(['redis']);
  });
});
