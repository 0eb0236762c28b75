import { startProduct, type Product, type ProductConfig } from './start-product.ts';

const mostStarts = 5;

/** A node of the soak, which has another process and other ports after it was stopped and started again. */
export class SoakNode implements AsyncDisposable {
  readonly #config: ProductConfig;
  #product: Product;

  static async start(config: ProductConfig): Promise<SoakNode> {
    return new SoakNode(config, await startProduct(config));
  }

  private constructor(config: ProductConfig, product: Product) {
    this.#config = config;
    this.#product = product;
  }

  socketUrl(path: string): string {
    return this.#product.socketUrl(path);
  }

  /** @throws Error when it did not stop in order */
  async stop(): Promise<void> {
    const { code, signal } = await this.#product.stop();
    if (code !== 0) throw new Error(`a node stopped with ${code ?? signal}:\n${this.#product.stderr}`);
  }

  /** After `stop`; again and again, as a supervisor does, when Redis does not answer it in time. */
  async startAgain(): Promise<void> {
    await this.#product[Symbol.asyncDispose]();
    for (let attempt = 1; ; attempt++) {
      try {
        this.#product = await startProduct(this.#config);
        return;
      } catch (error) {
        if (attempt === mostStarts) throw error;
      }
    }
  }

  async workerPids(): Promise<number[]> {
    return [...(await this.#product.workerPids()).values()];
  }

  /** The primary first: it is not to take its workers for hung. */
  async everyPid(): Promise<number[]> {
    return [this.#product.pid, ...(await this.workerPids())];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#product[Symbol.asyncDispose]();
  }
}
