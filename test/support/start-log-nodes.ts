import { appendFileSync } from 'node:fs';
import { Nodes } from './start-nodes.ts';
import { startProduct } from './start-product.ts';
import type { RedisServer } from './start-redis.ts';

export interface LogNodesOptions {
  /** What is in the log of each node before it starts: as many nodes as there are texts. */
  readonly logs: readonly string[];
  readonly logView?: Readonly<Record<string, unknown>>;
  /** More of the section `redis`. */
  readonly redis?: Readonly<Record<string, unknown>>;
  /** Default 2. */
  readonly workers?: number;
}

/** Nodes with a log-view at /logs, whose log `app` is a file of each node's own. */
export class LogNodes extends Nodes {
  static async start({ url }: Pick<RedisServer, 'url'>, options: LogNodesOptions): Promise<LogNodes> {
    const { logs, logView = {}, redis = {}, workers = 2 } = options;
    const products = await Promise.all(
      logs.map((text, index) =>
        startProduct(
          {
            node: `node-${index + 1}`,
            workers,
            redis: { url, ...redis },
            apps: {
              'log-view': {
                urls: ['/logs'],
                auth: { type: 'loopback' },
                refresh: 50,
                logs: { app: 'app.log' },
                ...logView,
              },
            },
          },
          { 'app.log': text },
        ),
      ),
    );
    return new LogNodes(products);
  }

  /** @param number from 1, as in the node's name */
  append(number: number, text: string): void {
    appendFileSync(this.node(number).folder.file('app.log'), text);
  }

  socketUrl(number: number, query = '?log=app'): string {
    return this.node(number).socketUrl(`/logs${query}`);
  }
}
