import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findSocketReads, findSocketWrites } from '../../../src/gateway/direct-sockets.ts';
import { publicReads, type Reader } from '../../../src/gateway/receiving/socket-reads.ts';
import { selfSignedCertificate } from '../../support/self-signed-certificate.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { until } from '../../support/until.ts';

const withoutInternals = fileURLToPath(new URL('../../support/public-api-only.cjs', import.meta.url));
const built = new URL('../../../dist/gateway/', import.meta.url).href;
const asking = `
  const { findSocketReads, findSocketWrites } = await import('${built}direct-sockets.js');
  const { publicReads } = await import('${built}receiving/socket-reads.js');
  const { publicWrites } = await import('${built}sending/socket-writes.js');
  console.log(findSocketReads() === publicReads ? 'public' : 'direct');
  console.log(findSocketWrites() === publicWrites ? 'public' : 'direct');
`;

/** What a process of its own finds. @param args Node's */
function found(...args: string[]): string {
  const env = { ...process.env, NODE_OPTIONS: '' };
  return execFileSync(process.execPath, [...args, '--input-type=module', '--eval', asking], { env, encoding: 'utf8' });
}

describe('reading and writing directly', () => {
  it('is found in this Node', () => {
    expect(found()).toBe('direct\ndirect\n');
  });

  it('is not tried where Node keeps its internals to itself', () => {
    expect(found('--require', withoutInternals)).toBe('public\npublic\n');
  });

  it('leaves sockets that are no plain TCP to the public API, and reads and writes there all the same', async () => {
    const server = createServer(await selfSignedCertificate());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    findSocketWrites().write(socket, Buffer.from('by TLS'), { taken() {} });
    await until(() => received === 'by TLS');
    const reader = new HeardBytes();
    findSocketReads().begin(socket, reader);
    client.write('back');
    await until(() => reader.text === 'back');
    expect(reader.isShared).toBe(false);
    client.destroy();
    socket.destroy();
    server.close();
    await once(server, 'close');
  });

  it('keeps its place behind what Node still has to write', async () => {
    using pair = await socketPair();
    let received = '';
    pair.far.on('data', (chunk: Buffer) => (received += chunk.toString()));
    pair.near.cork();
    pair.near.write('first ');
    let taken = 0;
    const isTaken = findSocketWrites().write(pair.near, Buffer.from('second'), { taken: () => taken++ });
    pair.near.uncork();
    await until(() => received === 'first second');
    expect(isTaken).toBe(false);
    await until(() => taken === 1);
  });

  it('takes what is for a socket that is being closed, or has gone, as done', async () => {
    using pair = await socketPair();
    const writes = findSocketWrites();
    const writer = { taken: () => expect.unreachable('all is taken at once') };
    expect(writes.write(pair.near, Buffer.from('one'), writer)).toBe(true);
    const closed = once(pair.near, 'close');
    pair.near.destroy();
    expect(writes.write(pair.near, Buffer.from('two'), writer)).toBe(true);
    await closed;
    expect(writes.write(pair.near, Buffer.from('three'), writer)).toBe(true);
  });

  it('reads what comes, in memory that all share, from the pause on only when it is resumed, and sees the end', async () => {
    using pair = await socketPair();
    const reader = new HeardBytes();
    findSocketReads().begin(pair.near, reader);
    pair.far.write('one');
    await until(() => reader.text === 'one');
    expect(reader.isShared).toBe(findSocketReads() !== publicReads);
    pair.near.pause();
    pair.far.end(' two');
    await once(pair.far, 'finish');
    expect(reader.text).toBe('one');
    const ended = once(pair.near, 'end');
    pair.near.resume();
    await ended;
    expect(reader.text).toBe('one two');
  });

  it('reads what Node had read already before what comes', async () => {
    using pair = await socketPair();
    pair.near.unshift(Buffer.from('had '));
    const reader = new HeardBytes();
    findSocketReads().begin(pair.near, reader);
    pair.far.write('came');
    await until(() => reader.text === 'had came');
  });
});

class HeardBytes implements Reader {
  text = '';
  isShared: boolean | undefined;

  came(chunk: Buffer, isShared: boolean): void {
    this.text += chunk.toString();
    this.isShared = isShared;
  }
}
