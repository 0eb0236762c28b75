import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { parseMetrics } from '../support/metrics-text.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

interface Documented {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
/** What a node has only where its configuration or its past says so. */
const conditional = ['carillon_accept_tokens', 'carillon_connections_limit'];

/** The tables of docs/metrics.md. */
async function documented(): Promise<Documented[]> {
  const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^\| `(carillon_\w+)` \| (\w+) \| (.*?) \| .+ \|$/gm)].map(
    ([, name = '', type = '', labels = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    }),
  );
}

async function read(product: Product, path = '/metrics', accept = 'text/plain'): Promise<string> {
  return await (await fetch(product.operationsUrl(path), { headers: { accept } })).text();
}

/** Runs a program with this input. @returns its exit code and what it printed */
async function run(command: string, args: readonly string[], input = ''): Promise<{ code: number; output: string }> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve(exit ?? -1));
  });
  return { code, output };
}

/** Two who talk in a room, so that there is something to tell. */
async function talk(product: Product): Promise<void> {
  await using listener = await ChatClient.open(product.socketUrl('/chat'), 'ann');
  await using speaker = await ChatClient.open(product.socketUrl('/chat'), 'bob');
  speaker.send({ type: 'message', text: 'hello' });
  await listener.nextOf('message');
  await until(async () => (await product.metric('carillon_delivery_lag_seconds_count{rule="/chat"}')) > 0);
}

describe('the metrics of a node', () => {
  let redis: RedisServer;
  let withRedis: Product;
  let embedded: Product;

  beforeAll(async () => {
    redis = await startRedis();
    const starting = [startProduct({ redis: { url: redis.url } }), startProduct()];
    [withRedis, embedded] = (await Promise.all(starting)) as [Product, Product];
    await Promise.all([talk(withRedis), talk(embedded)]);
  });
  afterAll(async () => {
    await Promise.all([withRedis?.[Symbol.asyncDispose](), embedded?.[Symbol.asyncDispose]()]);
    await redis?.[Symbol.asyncDispose]();
  });

  it('are all in docs/metrics.md, with their types and labels, and no others are there', async () => {
    const inDocs = await documented();
    const live = [parseMetrics(await read(withRedis)), parseMetrics(await read(embedded))];
    const types = new Map(live.flatMap((text) => [...text.types]));
    expect(Object.fromEntries(types)).toEqual(Object.fromEntries(inDocs.map(({ name, type }) => [name, type])));
    for (const { name, labels } of inDocs)
      for (const found of live.flatMap((text) => text.labels.get(name) ?? [])) expect([...found], name).toEqual(labels);
    const series = new Set(live.flatMap((text) => [...text.labels.keys()]));
    const silent = inDocs.map(({ name }) => name).filter((name) => !series.has(name));
    // A metric that nobody could ever see would be among these.
    const afterEvents = inDocs.filter(({ labels }) =>
      ['rule', 'result', 'trouble', 'code'].some((one) => labels.includes(one)),
    );
    expect(silent.filter((name) => !afterEvents.some((one) => one.name === name))).toEqual(conditional);
  });

  it('have tables that are what the code says', async () => {
    const script = fileURLToPath(new URL('../../scripts/metrics-reference.mjs', import.meta.url));
    expect(await run(process.execPath, [script, '--check'])).toEqual({ code: 0, output: '' });
  });

  it.each(['/metrics', '/metrics/workers'])('are what promtool finds no fault with, at %s', async (path) => {
    const checked = await run('/usr/bin/promtool', ['check', 'metrics'], await read(withRedis, path));
    expect(checked).toEqual({ code: 0, output: '' });
  });

  it('are the same series in OpenMetrics, for whoever asks for it', async () => {
    const response = await fetch(embedded.operationsUrl('/metrics'), {
      headers: { accept: `${openMetrics},*/*;q=0.1` },
    });
    expect(response.headers.get('content-type')).toBe(openMetrics);
    const text = await response.text();
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect(text).toContain('# TYPE carillon_messages_received counter\n');
    expect(text).toContain('# UNIT carillon_delivery_lag_seconds seconds\n');
    const samples = (body: string): string[] =>
      body
        .split('\n')
        .flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.slice(0, line.lastIndexOf(' '))]));
    expect(samples(text)).toEqual(samples(await read(embedded)));
    const plain = await fetch(embedded.operationsUrl('/metrics'), { headers: { accept: '*/*' } });
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('say which version runs, whether it is ready, and what its processes take', async () => {
    const { values } = parseMetrics(await read(embedded));
    expect(values.get('carillon_ready')).toBe(1);
    expect(values.get('carillon_draining')).toBe(0);
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(values.get(`carillon_build_info{version="${version}",node_version="${process.versions.node}"}`)).toBe(1);
    for (const process of ['', 'primary_']) {
      for (const kind of ['resident', 'heap', 'external'])
        expect(values.get(`carillon_${process}memory_bytes{kind="${kind}"}`)).toBeGreaterThan(0);
      expect(values.get(`carillon_${process}cpu_seconds_total{mode="user"}`)).toBeGreaterThan(0);
    }
    // Two workers are more than one primary.
    expect(values.get('carillon_memory_bytes{kind="resident"}')).toBeGreaterThan(
      values.get('carillon_primary_memory_bytes{kind="resident"}') ?? Infinity,
    );
  });

  it('count what Redis answered', async () => {
    const { values } = parseMetrics(await read(withRedis));
    const count = values.get('carillon_redis_command_seconds_count') ?? 0;
    expect(count).toBeGreaterThan(0);
    expect(values.get('carillon_redis_command_seconds_bucket{le="+Inf"}')).toBe(count);
    expect(values.get('carillon_redis_command_seconds_sum')).toBeGreaterThan(0);
  });
});
