import type { RedisServer } from './start-redis.ts';
import { startProduct, type Product, type ProductConfig } from './start-product.ts';

/** Nodes of one cluster in the order of their names. Leaving the scope stops those that still run. */
export class Nodes implements AsyncDisposable {
  readonly products: readonly Product[];

  constructor(products: readonly Product[]) {
    this.products = products;
  }

  /** @param number from 1, as in the node's name */
  node(number: number): Product {
    const product = this.products[number - 1];
    if (product === undefined) throw new Error(`there is no node-${number}`);
    return product;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.products.map((product) => product[Symbol.asyncDispose]()));
  }
}

export interface StartNodesOptions {
  /** Default 2. */
  readonly nodes?: number;
  /** For all of them; see `startProduct` for the rest. They are called node-1, node-2, …. */
  readonly config?: ProductConfig;
  /** More of the section `redis`. */
  readonly redis?: Readonly<Record<string, unknown>>;
}

/** Several products on one Redis, which they know by its URL unless `redis` says otherwise; all of them serve. */
export async function startNodes(
  { url }: Pick<RedisServer, 'url'>,
  { nodes = 2, config = {}, redis = {} }: StartNodesOptions = {},
): Promise<Nodes> {
  const starting = Array.from({ length: nodes }, (_, index) =>
    startProduct({ node: `node-${index + 1}`, redis: { url, ...redis }, ...config }),
  );
  const settled = await Promise.allSettled(starting);
  const products = settled.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = settled.find((start) => start.status === 'rejected');
  if (failed === undefined) return new Nodes(products);
  await new Nodes(products)[Symbol.asyncDispose]();
  throw failed.reason;
}
