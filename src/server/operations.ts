import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { labelMetrics, mergeMetrics, prometheusContentType, renderMetrics } from '../metrics/merge-metrics.ts';
import type { Log } from '../lib/log.ts';
import { listenError } from './listen-error.ts';
import type { NodeListing } from './primary.ts';
import type { Readiness } from './readiness.ts';
import { seldom } from '../lib/seldom.ts';
import type { ListenOptions } from './server-options.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** What the operations port tells about. */
export interface Operated {
  readonly readiness: Readiness;
  readonly seats: readonly WorkerSeat[];
  /** undefined: nobody has read them yet. */
  readonly nodes: NodeListing | undefined;
}

export interface OperationsPort {
  readonly port: number;
  close(): Promise<void>;
}

/** Those above it are closed at once: the primary needs its file descriptors for its workers. */
const maxConnections = 64;
/** Nobody keeps one of them busy without asking for something, in milliseconds. */
const bounds = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const;
const failureEveryMs = 10_000;

/**
 * Serves `/metrics`, `/metrics/workers`, `/live`, `/ready` and `/nodes` from what is known already: no request waits for a worker.
 * @param node the primary's own metrics
 */
export async function openOperationsPort(
  options: ListenOptions,
  operated: Operated,
  node: Registry,
  log: Log,
): Promise<OperationsPort> {
  const answer = async (path: string): Promise<Answer | undefined> => {
    switch (path) {
      case '/metrics':
        return metricsAnswer(
          await renderMetrics(mergeMetrics(operated.seats.map(({ metrics }) => metrics))),
          await node.metrics(),
        );
      case '/metrics/workers': {
        const labelled = operated.seats.map(({ number, metrics }) => labelMetrics(metrics, 'worker', String(number)));
        return metricsAnswer(await renderMetrics(mergeMetrics(labelled)), await node.metrics());
      }
      case '/live':
        return { status: 200, contentType: jsonType, body: '{"live":true}\n' };
      case '/ready': {
        const { readiness } = operated;
        return jsonAnswer(readiness.ready ? 200 : 503, readiness);
      }
      case '/nodes': {
        const { nodes } = operated;
        return nodes === undefined
          ? jsonAnswer(503, { reason: 'no worker has read the list of nodes yet' })
          : jsonAnswer(200, nodes);
      }
      default:
        return undefined;
    }
  };
  const server = createServer(bounds, (request, response) => {
    respond(request, response, answer).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(`${String(error)}\n`);
    });
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => reject(listenError('operations.', options, error));
    server.once('error', failed);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  server.on(
    'error',
    seldom(failureEveryMs, (error: Error) =>
      log.error({ event: 'operations-failed', err: error }, 'the operations port could not accept a connection'),
    ),
  );
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const jsonType = 'application/json; charset=utf-8';

function jsonAnswer(status: number, body: object): Answer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body, undefined, 2)}\n` };
}

function metricsAnswer(...parts: readonly string[]): Answer {
  return {
    status: 200,
    contentType: prometheusContentType,
    body: parts.filter((part) => part.trim() !== '').join('\n'),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (path: string) => Promise<Answer | undefined>,
): Promise<void> {
  const { method = '', url = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const found = (await answer(url.split('?', 1)[0] ?? '')) ?? {
    status: 404,
    contentType: 'text/plain; charset=utf-8',
    body: 'not found; there are /metrics, /metrics/workers, /live, /ready and /nodes\n',
  };
  response.writeHead(found.status, {
    'content-type': found.contentType,
    'content-length': Buffer.byteLength(found.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : found.body);
}
