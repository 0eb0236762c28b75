import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { labelMetrics, mergeMetrics } from '../metrics/merge-metrics.ts';
import { chooseFormat, contentTypes, renderMetrics } from '../metrics/render-metrics.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import type { Log } from '../lib/log.ts';
import { listenError } from './listen-error.ts';
import type { DrainProgress } from './node-drain.ts';
import type { NodeListing } from './primary.ts';
import type { Readiness } from './readiness.ts';
import type { ListenOptions } from './server-options.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** What the operations port tells about. */
export interface Operated {
  readonly readiness: Readiness;
  readonly seats: readonly WorkerSeat[];
  /** undefined: nobody has read them yet. */
  readonly nodes: NodeListing | undefined;
  /** undefined: it does not drain, or stops at once. */
  readonly drainProgress: DrainProgress | undefined;
}

/** What the operations port calls upon. */
export interface Operations {
  /** Reads the primary's own metrics. */
  nodeMetrics(): MetricsSnapshot;
  /** Has the node drain and end. More than once is harmless. */
  drain(): void;
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

/**
 * Serves `/metrics`, `/metrics/workers`, `/live`, `/ready` and `/nodes` from what is known already, and takes
 * `POST /drain`: no request waits for a worker.
 */
export async function openOperationsPort(
  options: ListenOptions,
  operated: Operated,
  { nodeMetrics, drain }: Operations,
  log: Log,
): Promise<OperationsPort> {
  const answer = (path: string, accept: string | undefined): Answer | undefined => {
    switch (path) {
      case '/metrics':
        return metricsAnswer([...operated.seats.map(({ metrics }) => metrics), nodeMetrics()], accept);
      case '/metrics/workers': {
        const labelled = operated.seats.map(({ number, metrics }) => labelMetrics(metrics, 'worker', String(number)));
        return metricsAnswer([...labelled, nodeMetrics()], accept);
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
  const order = (): Answer => {
    drain();
    const { drainProgress, readiness } = operated;
    return jsonAnswer(202, drainProgress ?? { state: readiness.state, message: `the node is ${readiness.state}` });
  };
  const server = createServer(bounds, (request, response) => {
    try {
      respond(request, response, answer, order);
    } catch (error) {
      response.statusCode = 500;
      response.end(`${String(error)}\n`);
    }
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
  server.on('error', (error) =>
    log.error({ event: 'operations-failed', err: error }, 'the operations port could not accept a connection'),
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

const plainType = 'text/plain; charset=utf-8';
const jsonType = 'application/json; charset=utf-8';

function jsonAnswer(status: number, body: object): Answer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body, undefined, 2)}\n` };
}

function metricsAnswer(snapshots: readonly MetricsSnapshot[], accept: string | undefined): Answer {
  const format = chooseFormat(accept);
  return { status: 200, contentType: contentTypes[format], body: renderMetrics(mergeMetrics(snapshots), format) };
}

const drainPath = '/drain';

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  read: (path: string, accept: string | undefined) => Answer | undefined,
  order: () => Answer,
): void {
  const { method = '', url = '', headers } = request;
  const path = url.split('?', 1)[0] ?? '';
  const allow = path === drainPath ? 'POST' : 'GET, HEAD';
  if (!allow.split(', ').includes(method)) {
    response.writeHead(405, { allow }).end();
    return;
  }
  const found = (path === drainPath ? orderAnswer(headers, order) : read(path, headers.accept)) ?? {
    status: 404,
    contentType: plainType,
    body: 'not found; there are /metrics, /metrics/workers, /live, /ready, /nodes and, for POST, /drain\n',
  };
  response.writeHead(found.status, {
    'content-type': found.contentType,
    'content-length': Buffer.byteLength(found.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : found.body);
}

/** Any page that an operator looks at could make the browser send a POST here; browsers say so (Fetch §3.2, `Origin`). */
function orderAnswer(headers: IncomingHttpHeaders, order: () => Answer): Answer {
  if (headers.origin === undefined) return order();
  return { status: 403, contentType: plainType, body: 'not for web pages: the request has an Origin header\n' };
}
