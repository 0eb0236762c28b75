import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { freePort } from './free-port.ts';
import type { Product } from './start-product.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export interface BalancerOptions {
  /** Instead of `timeout client` and `timeout server` of the file, in seconds; HAProxy only. */
  readonly httpTimeoutSeconds?: number;
  /** How long a WebSocket connection may be silent, in seconds. */
  readonly silenceSeconds?: number;
  /** Most connections of one address. */
  readonly perAddress?: number;
  /** Most clients at a time, HAProxy only. Default 500. */
  readonly clients?: number;
  /** PEM, chain and key: clients come by TLS. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** A real load balancer with the file of `deploy/`, in front of two nodes. */
export interface Balancer extends AsyncDisposable {
  /** The plain port's `http://127.0.0.1:<port>` with this path. */
  url(path: string): string;
  /** The same with ws. */
  socketUrl(path: string): string;
  /** The TLS port's, where there is a certificate. */
  readonly tlsPort: number;
  /** HAProxy's page for operators; nginx has none. */
  readonly statsPort: number;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly stats: number;
}

type Prepare = (folder: TemporaryFolder, ports: Ports) => Promise<Command>;

const deployed = (name: string): Promise<string> => readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');
const isRoot = process.getuid?.() === 0;

/** HAProxy with deploy/haproxy/carillon.cfg, byte for byte where the tests run as root. */
export function startHaproxy(
  [one, two]: readonly [Product, Product],
  { httpTimeoutSeconds, silenceSeconds, perAddress, clients = 500, certificate }: BalancerOptions = {},
): Promise<Balancer> {
  return launch(certificate, async (folder, ports) => {
    const file = await deployed('haproxy/carillon.cfg');
    // Only root may change its root and its user.
    const edited = isRoot ? file : file.replaceAll(/^ +(chroot|user|group) .*\n/gm, '');
    await writeFile(folder.file('carillon.cfg'), edited);
    const env = {
      CARILLON_HTTP: `127.0.0.1:${ports.plain}`,
      CARILLON_HTTPS: `127.0.0.1:${ports.tls}`,
      CARILLON_STATS: `127.0.0.1:${ports.stats}`,
      CARILLON_STATS_SOCKET: folder.file('admin.sock'),
      CARILLON_MAXCONN: String(clients),
      CARILLON_GATEWAY_1: new URL(one.url('/')).host,
      CARILLON_GATEWAY_2: new URL(two.url('/')).host,
      CARILLON_OPERATIONS_1: new URL(one.operationsUrl('/')).port,
      CARILLON_OPERATIONS_2: new URL(two.operationsUrl('/')).port,
      ...(httpTimeoutSeconds === undefined ? {} : { CARILLON_HTTP_TIMEOUT: `${httpTimeoutSeconds}s` }),
      ...(silenceSeconds === undefined ? {} : { CARILLON_TUNNEL_TIMEOUT: `${silenceSeconds}s` }),
      ...(perAddress === undefined ? {} : { CARILLON_PER_ADDRESS: String(perAddress) }),
      ...(certificate === undefined ? {} : { CARILLON_CERTIFICATE: folder.file('carillon.pem') }),
    };
    return { program: '/usr/sbin/haproxy', args: ['-db', '-f', folder.file('carillon.cfg')], env };
  });
}

/** nginx with deploy/nginx/carillon.conf, other addresses in it, and what is asked for taken out of its comments. */
export function startNginx(
  [one, two]: readonly [Product, Product],
  { silenceSeconds, perAddress, certificate }: BalancerOptions = {},
): Promise<Balancer> {
  return launch(certificate, async (folder, ports) => {
    const file = await deployed('nginx/carillon.conf');
    let edited = file
      .replace('10.0.0.11:8080', new URL(one.url('/')).host)
      .replace('10.0.0.12:8080', new URL(two.url('/')).host)
      .replace('listen 80;', `listen 127.0.0.1:${ports.plain};`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${ports.tls} ssl;`)
      .replaceAll('/etc/nginx', folder.path);
    if (silenceSeconds !== undefined)
      edited = edited.replaceAll(/(proxy_(?:read|send)_timeout) \d+s/g, `$1 ${silenceSeconds}s`);
    if (certificate !== undefined) edited = edited.replaceAll('#tls ', '');
    if (perAddress !== undefined)
      edited = edited.replaceAll('#limit ', '').replace('carillon_address 200', `carillon_address ${perAddress}`);
    await writeFile(folder.file('carillon.conf'), edited);
    await writeFile(folder.file('nginx.conf'), nginxConf(folder));
    const args = ['-e', 'stderr', '-p', folder.path, '-c', folder.file('nginx.conf')];
    return { program: '/usr/sbin/nginx', args, env: {} };
  });
}

/** What a machine's own nginx.conf says, with every file in the test's folder. */
function nginxConf(folder: TemporaryFolder): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder.file(name)};`)
    .join('\n');
  return `
${isRoot ? 'user root;' : ''}
daemon off;
worker_processes 2;
pid ${folder.file('nginx.pid')};
events { worker_connections 500; }
http {
  access_log off;
${temporary}
  include ${folder.file('carillon.conf')};
}
`;
}

async function launch(certificate: BalancerOptions['certificate'], prepare: Prepare): Promise<Balancer> {
  for (let attempt = 0; ; attempt++) {
    const ports = { plain: await freePort(), tls: await freePort(), stats: await freePort() };
    const pem =
      certificate === undefined
        ? {}
        : { 'carillon.pem': certificate.cert + certificate.key, 'carillon.key': certificate.key };
    const folder = await temporaryFolder(pem);
    const { program, args, env } = await prepare(folder, ports);
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exited = once(child, 'exit');
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await until(async () => hasEnded() || (await takesConnections(ports.plain)), {
      what: `${program} takes connections`,
      deadlineMs: 30_000,
    });
    const stop = async (): Promise<void> => {
      // SIGTERM ends both at once, with their clients' connections.
      if (!hasEnded()) child.kill('SIGTERM');
      await exited;
      await folder[Symbol.asyncDispose]();
    };
    if (!hasEnded())
      return {
        url: (path) => `http://127.0.0.1:${ports.plain}${path}`,
        socketUrl: (path) => `ws://127.0.0.1:${ports.plain}${path}`,
        tlsPort: ports.tls,
        statsPort: ports.stats,
        [Symbol.asyncDispose]: stop,
      };
    await stop();
    const isTaken = output.includes('Address already in use') || output.includes('cannot bind');
    if (!isTaken || attempt === 5) throw new Error(`${program} did not start: ${output}`);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
