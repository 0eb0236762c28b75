import { describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import { MemoryExchange } from '../../src/broker/memory/memory-exchange.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Severities } from '../../src/lib/severities.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface Member {
  readonly started: StartedGateway;
  readonly severities: Severities;
  readonly warnings: string[];
}

/** Gateways of one cluster, one after the other; they are closed with the test. */
class Cluster implements AsyncDisposable {
  readonly exchange: MemoryExchange = new MemoryExchange();
  readonly #started: StartedGateway[] = [];

  async join(node: string): Promise<Member> {
    const severities = new Severities();
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: unknown, message: string) => void warnings.push(message) };
    const started = await startGateway({}, { broker: new MemoryBroker(this.exchange), node, severities, log });
    this.#started.push(started);
    return { started, severities, warnings };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const started of this.#started) await started[Symbol.asyncDispose]();
  }
}

describe('gateways of one cluster', () => {
  it('know of each other, with how each is, until they leave', async () => {
    await using cluster = new Cluster();
    const a = await cluster.join('a');
    const b = await cluster.join('b');
    const [first, second] = await a.started.gateway.nodes();
    expect([first?.name, second?.name]).toEqual(['a', 'b']);
    expect(first?.workers).toEqual([
      {
        worker: 0,
        pid: process.pid,
        version: expect.stringMatching(/^\d/),
        startedAt: expect.any(Number),
        seenAt: expect.any(Number),
        connections: 0,
        subscriptions: 0,
        severities: a.severities.state,
      },
    ]);
    await b.started.gateway.close();
    expect((await a.started.gateway.nodes()).map(({ name }) => name)).toEqual(['a']);
  });

  it('switch severities on all of them, or on one, and show it in the list', async () => {
    await using cluster = new Cluster();
    const a = await cluster.join('a');
    const b = await cluster.join('b');
    const listed = async (): Promise<boolean[]> =>
      (await b.started.gateway.nodes()).map(({ workers }) => workers.every(({ severities }) => severities.debug));

    await a.started.gateway.setSeverities({ debug: true });
    await until(async () => (await listed()).join() === 'true,true');
    expect([a, b].map(({ severities }) => severities.isOn('debug'))).toEqual([true, true]);
    await a.started.gateway.setSeverities({ debug: false }, 'b');
    await until(async () => (await listed()).join() === 'true,false');
    expect(a.severities.isOn('debug')).toBe(true);
  });

  it('refuse severities that do not exist and nodes that are not there, and say which there are', async () => {
    await using cluster = new Cluster();
    const { started } = await cluster.join('a');
    const misspelt = { [['de', 'bg'].join('')]: true };
    await expect(started.gateway.setSeverities(misspelt)).rejects.toMatchObject({
      code: 'ARGUMENT',
      message: expect.stringMatching(/^there is no severity "debg"; there are error, warn, info, debug, /),
    });
    await expect(started.gateway.setSeverities({ debug: true }, 'b')).rejects.toMatchObject({
      code: 'UNKNOWN_NODE',
      message: 'there is no node "b" in the cluster; there are a',
    });
  });

  it('end a connection by its id, wherever it is, with the code and reason given', async () => {
    await using cluster = new Cluster();
    const a = await cluster.join('a');
    const b = await cluster.join('b');
    await using one = await TestClient.open(b.started.url);
    await using other = await TestClient.open(b.started.url);
    const [id = '', otherId = ''] = b.started.gateway.connections.keys();
    await a.started.gateway.disconnect({ connection: id }, { code: 4001, reason: 'moved' });
    expect(await one.closed).toEqual({ code: 4001, reason: 'moved' });
    await b.started.gateway.disconnect({ connection: otherId });
    expect(await other.closed).toEqual({ code: 4500, reason: 'disconnected by the operator' });
    // One that is not there is no error: it may just have gone.
    await a.started.gateway.disconnect({ connection: id });
    await expect(a.started.gateway.disconnect({ connection: id }, { code: 1005 })).rejects.toThrow(RangeError);
  });

  it('log what they do not understand, and go on', async () => {
    await using cluster = new Cluster();
    const { started, severities, warnings } = await cluster.join('a');
    const stranger = new MemoryBroker(cluster.exchange);
    await stranger.start({ deliver() {}, gap() {}, presence() {} });
    const order = (type: string, body: string): Promise<void> => stranger.control.send({ type, body });
    await order('drain', '{}');
    await order('disconnect', '{"target":{}}');
    await order('severities', '{"change":{"debug":true}}');
    await until(() => severities.isOn('debug'));
    expect(warnings).toEqual([
      'a control message "drain" was ignored: this version of Carillon does not know it',
      expect.stringMatching(/^a control message "disconnect" was ignored: /),
    ]);
    expect(started.gateway.connections.size).toBe(0);
    await stranger.close();
  });
});

describe('a gateway whose broker has neither presence nor control', () => {
  it('works, and says what is missing where it is asked for', async () => {
    const whole = new MemoryBroker();
    const broker: Broker = {
      start: (sink) => whole.start(sink),
      subscribe: (names) => whole.subscribe(names),
      unsubscribe: (names) => whole.unsubscribe(names),
      publish: (publication) => whole.publish(publication),
      close: () => whole.close(),
    };
    await using started = await startGateway({}, { broker });
    const { gateway } = started;
    await expect(gateway.nodes()).rejects.toMatchObject({ message: 'the broker offers no presence' });
    await expect(gateway.disconnect({ user: 'ada' })).rejects.toMatchObject({
      message: 'the broker offers no control messages',
    });
    await expect(gateway.setSeverities({ debug: true })).rejects.toMatchObject({ code: 'BROKER_CAPABILITY' });
  });
});
