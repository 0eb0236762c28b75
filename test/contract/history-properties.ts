import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HistoryPage, Position, Publication } from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';
import { historyOf, keep, offsets, texts } from '../support/broker-history.ts';
import { RecordingSink } from '../support/recording-sink.ts';

const brokerCount = 3;
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

type Step = { readonly broker: number; readonly name: Name } & (
  | { readonly type: 'keep'; readonly size: number; readonly id: string | undefined }
  | { readonly type: 'pass'; readonly id: string | undefined }
  /** `since` counts back from the newest; negative: ahead of it. */
  | {
      readonly type: 'read';
      readonly since: number | 'foreign' | undefined;
      readonly limit: number;
      readonly reverse: boolean;
    }
);

const where = { broker: fc.nat(brokerCount - 1), name: fc.constantFrom(...names) };
const anyId = fc.option(fc.constantFrom('1', '2', '3', '4', '5'), { nil: undefined, freq: 2 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...where,
      type: fc.constant('keep' as const),
      size: fc.integer({ min: 1, max: 6 }),
      id: anyId,
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...where, type: fc.constant('pass' as const), id: anyId }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...where,
      type: fc.constant('read' as const),
      since: fc.oneof(fc.constant(undefined), fc.integer({ min: -2, max: 9 }), fc.constant('foreign' as const)),
      limit: fc.integer({ min: 0, max: 8 }),
      reverse: fc.boolean(),
    }),
  },
);

/** A history as one would write it down on paper. */
class Model {
  #kept: { readonly offset: number; readonly text: string }[] = [];
  /** By id: the offset, or undefined where the publication was not kept. */
  readonly #ids = new Map<string, number | undefined>();
  /** What subscribers see, in order. */
  readonly delivered: { readonly text: string; readonly offset: number | undefined }[] = [];
  newest = 0;
  epoch: string | undefined;

  publish(text: string, id: string | undefined, size?: number): number | undefined {
    if (id !== undefined && this.#ids.has(id)) return this.#ids.get(id);
    const offset = size === undefined ? undefined : ++this.newest;
    if (offset !== undefined) this.#kept = [...this.#kept, { offset, text }].slice(-(size ?? 0));
    if (id !== undefined) this.#ids.set(id, offset);
    this.delivered.push({ text, offset });
    return offset;
  }

  /** The texts of the page, or why there is none. */
  read(since: number | undefined, limit: number, isReverse: boolean): string[] | string {
    const oldest = this.newest - this.#kept.length + 1;
    if (since !== undefined && since > this.newest) return 'epoch';
    if (since !== undefined && since + 1 < oldest && !isReverse) return 'trimmed';
    const after = this.#kept.filter(
      ({ offset }) => since === undefined || (isReverse ? offset < since : offset > since),
    );
    return (isReverse ? after.toReversed() : after).slice(0, limit).map(({ text }) => text);
  }
}

/** What the history promises, compared with a model, and while others publish. */
export function historyProperties(makeCluster: MakeBrokerCluster): void {
  describe('any sequence of publications and reads over several brokers', () => {
    it('answers and delivers what a simple model does', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
          await using cluster = await makeCluster();
          await check(await participants(cluster, brokerCount), steps);
        }),
        { numRuns: 60 },
      );
    });
  });

  describe('a page of the history', () => {
    it('has, with what is delivered and newer, no hole and no duplicate, judged by the offsets', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const [reader, ...publishers] = all as [Participant, ...Participant[]];
      for (let round = 0; round < 25; round++) {
        const name = `round ${round}`;
        const total = 120;
        const kept: Promise<Position>[] = [];
        const publish = (count: number): void => {
          for (let index = 0; index < count; index++) {
            const number = kept.length;
            kept.push(keep(publishers[number % publishers.length] as Participant, name, `${number}`));
          }
        };
        publish(30);
        const since = round % 2 === 0 ? undefined : await kept[7];
        const subscribed = reader.broker.subscribe([name]);
        publish(30);
        await subscribed;
        const reading = historyOf(reader).read(name, { limit: 1_000, ...(since === undefined ? {} : { since }) });
        publish(30);
        const page = await reading;
        publish(total - kept.length);
        await Promise.all(kept);
        await settled(all);

        const delivered = reader.sink.publications.filter(({ subscription }) => subscription === name);
        const newer = delivered.filter(({ position }) => (position?.offset ?? 0) > page.position.offset);
        const first = (since?.offset ?? 0) + 1;
        expect(page.lost).toBeUndefined();
        expect(offsets([...page.publications, ...newer])).toEqual(
          Array.from({ length: total - first + 1 }, (_, index) => first + index),
        );
        expect(page.publications.at(-1)?.position).toEqual(page.position);
        // What is in both is the same.
        const byOffset = new Map(page.publications.map((publication) => [publication.position?.offset, publication]));
        for (const { position, data } of delivered) {
          const same = byOffset.get(position?.offset);
          if (same !== undefined) expect(same.data.toString()).toBe(data.toString());
        }
      }
    });

    it('is complete for every reader while many publish, trim and read', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const pages: Promise<HistoryPage>[] = [];
      const kept: Promise<Position>[] = [];
      for (let index = 0; index < 300; index++) {
        kept.push(keep(all[index % 3] as Participant, 'a', `${index}`, { size: 20 }));
        pages.push(historyOf(all[(index + 1) % 3] as Participant).read('a', { limit: 15, reverse: index % 2 === 0 }));
      }
      const answered = new Map((await Promise.all(kept)).map(({ offset }, index) => [offset, `${index}`]));
      for (const [index, page] of (await Promise.all(pages)).entries()) {
        const { offset: newest } = page.position;
        const length = Math.min(newest, 15);
        const first = index % 2 === 0 ? newest : Math.max(newest - 20, 0) + 1;
        const step = index % 2 === 0 ? -1 : 1;
        expect(offsets(page.publications)).toEqual(Array.from({ length }, (_, at) => first + step * at));
        for (const { position, data } of page.publications) {
          expect(answered.get(position?.offset ?? 0)).toBe(data.toString());
        }
      }
    });

    it('comes before the next delivery, together with what is chained to its promise', async () => {
      await using cluster = await makeCluster();
      const log: string[] = [];
      const sink = new (class extends RecordingSink {
        override deliver(publication: Publication): void {
          super.deliver(publication);
          log.push('delivery');
        }
      })();
      const reader = await participant(cluster, sink);
      const publisher = await participant(cluster);
      await reader.broker.subscribe(['a']);
      const published: Promise<unknown>[] = [];
      const chains: Promise<void>[] = [];
      const chain = async (): Promise<void> => {
        await historyOf(reader).read('a', { limit: 3 });
        log.push('page');
        for (let hop = 0; hop < 50; hop++) await Promise.resolve();
        log.push('end of the chain');
      };
      for (let index = 0; index < 400; index++) {
        published.push(keep(publisher, 'a', `${index}`));
        published.push(publisher.broker.publish(textPublication('a', 'passing')));
        if (index % 4 === 0) chains.push(chain());
        if (index % 40 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all([...published, ...chains]);
      await settled([reader, publisher]);

      let open = 0;
      let deliveriesWithin = 0;
      for (const entry of log) {
        if (entry === 'page') open++;
        else if (entry === 'end of the chain') open--;
        else if (open > 0) deliveriesWithin++;
      }
      expect(deliveriesWithin).toBe(0);
      expect(log.filter((entry) => entry === 'page')).toHaveLength(100);
      expect(log.lastIndexOf('delivery')).toBeGreaterThan(log.indexOf('page'));
    });
  });
}

async function check(all: readonly Participant[], steps: readonly Step[]): Promise<void> {
  const models: Record<Name, Model> = { a: new Model(), b: new Model() };
  await Promise.all(all.map(({ broker }) => broker.subscribe(names)));
  for (const [index, step] of steps.entries()) {
    const one = all[step.broker] as Participant;
    const model = models[step.name];
    const seen = (epoch: string): string => (model.epoch ??= epoch);
    if (step.type === 'read') {
      const offset = typeof step.since === 'number' ? Math.max(model.newest - step.since, 0) : undefined;
      const known = model.epoch ?? (await historyOf(one).read(step.name, { limit: 0 })).position.epoch;
      const since = step.since === 'foreign' ? { epoch: 'foreign', offset: 0 } : { epoch: known, offset: offset ?? 0 };
      const page = await historyOf(one).read(step.name, {
        limit: step.limit,
        reverse: step.reverse,
        ...(step.since === undefined ? {} : { since }),
      });
      expect(page.position).toEqual({ epoch: seen(page.position.epoch), offset: model.newest });
      const expected = step.since === 'foreign' ? 'epoch' : model.read(offset, step.limit, step.reverse);
      if (typeof expected === 'string') expect(page).toMatchObject({ lost: expected, publications: [] });
      else {
        expect(page.lost).toBeUndefined();
        expect(texts(page.publications)).toEqual(expected);
      }
    } else {
      const { id, type } = step;
      const size = type === 'keep' ? step.size : undefined;
      const position = await one.broker.publish(textPublication(step.name, `${index}`), {
        ...(size === undefined ? {} : { history: { size, ttl: 60 } }),
        ...(id === undefined ? {} : { id }),
      });
      const offset = model.publish(`${index}`, id, size);
      expect(position).toEqual(offset === undefined ? undefined : { epoch: seen(position?.epoch ?? ''), offset });
    }
  }
  await settled(all);
  for (const name of names) {
    for (const { sink } of all) {
      const delivered = sink.publications.filter(({ subscription }) => subscription === name);
      expect(delivered.map(({ data, position }) => ({ text: data.toString(), offset: position?.offset }))).toEqual(
        models[name].delivered,
      );
    }
  }
}
