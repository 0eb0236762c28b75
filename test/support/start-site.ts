import { createServer, type AddressInfo } from 'node:net';
import type { AppContext } from '../../src/apps/app.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type AcceptOptions, defaultAcceptOptions } from '../../src/http/accept-options.ts';
import { TrustedProxies } from '../../src/http/client-address.ts';
import { Doorkeeper } from '../../src/http/doorkeeper.ts';
import type { HttpListenerOptions, TlsKeyPair } from '../../src/http/http-options.ts';
import { HttpListener } from '../../src/http/listener.ts';
import { loadPage } from '../../src/http/load-page.ts';
import { Router } from '../../src/http/router.ts';
import { createGateway, Metrics } from '../../src/index.ts';
import type { LogFields } from '../../src/lib/log.ts';
import { Severities } from '../../src/lib/severities.ts';

export interface SiteOptions {
  readonly http?: Partial<HttpListenerOptions>;
  /** Default: everybody comes in, and no proxy is believed. */
  readonly accept?: Partial<AcceptOptions>;
  readonly tls?: TlsKeyPair;
  /** Folder with the page that apps get. */
  readonly page?: string;
  readonly mount?: (context: AppContext) => void | Promise<unknown>;
}

export interface StartedSite extends AsyncDisposable {
  readonly listener: HttpListener;
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly door: Doorkeeper;
  readonly port: number;
  /** `http://127.0.0.1:<port>` or `https://…` */
  readonly origin: string;
  /** What was logged as an error. */
  readonly errors: readonly LogFields[];
  readonly warnings: readonly string[];
  /** Lines of the access log. */
  readonly lines: readonly string[];
}

/** A worker's public side on a free port: listener, router and gateway with whatever `mount` adds, logs kept in memory. */
export async function startSite({ http, accept, tls, page, mount }: SiteOptions = {}): Promise<StartedSite> {
  const lines: string[] = [];
  const errors: LogFields[] = [];
  const warnings: string[] = [];
  const ignore = (): void => {};
  const warn = (_fields: LogFields, message: string): void => void warnings.push(message);
  const log = { error: (fields: LogFields) => void errors.push(fields), warn, info: ignore, debug: ignore };
  const metrics = new Metrics();
  const gateway = await createGateway({ closeTimeoutMs: 1_000, log, metrics });
  const router = new Router();
  const node = { name: 'test-node', worker: 1, severities: new Severities(), ownLogs: {}, takeTurns: ignore };
  const files = page === undefined ? undefined : await loadPage(page);
  await mount?.({ gateway, router, log, node, page: files });
  const acceptOptions = { ...defaultAcceptOptions, rate: 0, ...accept };
  const door = new Doorkeeper(acceptOptions, log);
  const listener = new HttpListener(
    { headerBytes: 16_384, headersTimeoutMs: 10_000, keepAliveTimeoutMs: 5_000, ...http },
    {
      router,
      log,
      access: { write: (line) => void lines.push(line) },
      counts: metrics.counts,
      door,
      proxies: new TrustedProxies(acceptOptions.trustedProxies),
      ...(tls === undefined ? {} : { tls }),
    },
  );
  const acceptor = createServer({ allowHalfOpen: true }, (socket) => listener.take(socket));
  await new Promise<void>((resolve) => acceptor.listen(0, '127.0.0.1', resolve));
  const { port } = acceptor.address() as AddressInfo;
  return {
    listener,
    gateway,
    metrics,
    door,
    port,
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    errors,
    warnings,
    lines,
    async [Symbol.asyncDispose]() {
      await listener.close(1_000);
      await gateway.close();
      metrics.close();
      await new Promise((resolve) => acceptor.close(resolve));
    },
  };
}
