import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findSocketWrites } from '../../../../src/gateway/sending/direct-writes.ts';
import { selfSignedCertificate } from '../../../support/self-signed-certificate.ts';
import { socketPair } from '../../../support/socket-pair.ts';
import { until } from '../../../support/until.ts';

const withoutInternals = fileURLToPath(new URL('../../../support/public-api-only.cjs', import.meta.url));
const built = new URL('../../../../dist/gateway/sending/', import.meta.url).href;
const asking = `
  const { findSocketWrites } = await import('${built}direct-writes.js');
  const { publicWrites } = await import('${built}socket-writes.js');
  console.log(findSocketWrites() === publicWrites ? 'public' : 'direct');
`;

/** What a process of its own finds. @param args Node's */
function found(...args: string[]): string {
  const env = { ...process.env, NODE_OPTIONS: '' };
  return execFileSync(process.execPath, [...args, '--input-type=module', '--eval', asking], { env, encoding: 'utf8' });
}

describe('writing directly', () => {
  it('is found in this Node', () => {
    expect(found().trim()).toBe('direct');
  });

  it('is not tried where Node keeps its internals to itself', () => {
    expect(found('--require', withoutInternals).trim()).toBe('public');
  });

  it('leaves sockets that are no plain TCP to the public API, and writes to them all the same', async () => {
    const server = createServer(await selfSignedCertificate());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    findSocketWrites().write(socket, Buffer.from('by TLS'), { taken() {} });
    await until(() => received === 'by TLS');
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
});
