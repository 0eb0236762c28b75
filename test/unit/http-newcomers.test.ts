import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Newcomers } from '../../src/http/newcomers.ts';
import { until } from '../support/until.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('newcomers', () => {
  it('that left without a word are not kept when others come', async () => {
    const newcomers = new Newcomers(false);
    const left = Array.from({ length: 1_000 }, () => {
      const socket = new Socket();
      newcomers.expect(socket);
      socket.destroy();
      return new WeakRef(socket);
    });
    const isHere = new Socket();
    newcomers.expect(isHere);
    await until(() => {
      collect();
      return left.filter((socket) => socket.deref() !== undefined).length < 100;
    });
    const settled = newcomers.settled(60_000);
    newcomers.heard(isHere);
    await settled;
  });

  it('that leave without a word after a storm do not gather up to its size', async () => {
    const newcomers = new Newcomers(false);
    const storm = Array.from({ length: 10_000 }, () => new Socket());
    for (const socket of storm) newcomers.expect(socket);
    for (const socket of storm) newcomers.heard(socket);
    const left = Array.from({ length: 1_000 }, () => {
      const socket = new Socket();
      newcomers.expect(socket);
      socket.destroy();
      return new WeakRef(socket);
    });
    await until(() => {
      collect();
      return left.filter((socket) => socket.deref() !== undefined).length < 100;
    });
  });

  it('that come while the last are waited for are waited for too', async () => {
    const newcomers = new Newcomers(false);
    const [first, second] = [new Socket(), new Socket()];
    newcomers.expect(first);
    let isOver = false;
    const settled = newcomers.settled(60_000).then(() => (isOver = true));
    newcomers.expect(second);
    newcomers.heard(first);
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    second.destroy();
    await settled;
  });
});
