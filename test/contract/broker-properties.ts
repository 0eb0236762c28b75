import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import {
  participant,
  settled,
  textPublication,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';

const brokerCount = 3;
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

type Step =
  | { readonly type: 'subscribe' | 'unsubscribe' | 'publish'; readonly broker: number; readonly name: Name }
  /** Waits until everything so far has been carried out and delivered; between two of these, steps are concurrent. */
  | { readonly type: 'settle' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constantFrom('subscribe' as const, 'unsubscribe' as const, 'publish' as const, 'publish' as const),
      broker: fc.nat(brokerCount - 1),
      name: fc.constantFrom(...names),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'settle' as const }) },
);

/** What one broker asked for concerning one name, as the model sees it within one epoch (from settle to settle). */
interface Wish {
  isSubscribed: boolean;
  /** Subscribed since the last settle began, without a break: what is published now must arrive. */
  wasSubscribedThroughout: boolean;
  /** Subscribed at any time since then: what is published now may arrive. */
  wasSubscribedEver: boolean;
}

interface Sent {
  readonly id: number;
  readonly publisher: number;
  readonly name: Name;
  readonly epoch: number;
}

/** Delivers only what the gateway asked for: throws what the model forbids at the moment of the delivery. */
class StrictSink extends RecordingSink {
  readonly wishes: Record<Name, Wish> = { a: wish(), b: wish() };
  readonly violations: string[] = [];

  override deliver(publication: Publication): void {
    super.deliver(publication);
    const { subscription } = publication;
    if ((subscription === 'a' || subscription === 'b') && !this.wishes[subscription].isSubscribed) {
      this.violations.push(`delivered to ${subscription} after unsubscribe: ${publication.data.toString()}`);
    }
  }
}

function wish(): Wish {
  return { isSubscribed: false, wasSubscribedThroughout: false, wasSubscribedEver: false };
}

export function brokerProperties(makeCluster: MakeBrokerCluster): void {
  describe('any interleaving of subscribe, unsubscribe and publish over several brokers', () => {
    it('keeps order, duplicates nothing and delivers to exactly the subscribed', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
          await using cluster = await makeCluster();
          await check(
            (await Promise.all(
              Array.from({ length: brokerCount }, () => participant(cluster, new StrictSink())),
            )) as (Participant & { readonly sink: StrictSink })[],
            steps,
          );
        }),
        { numRuns: 60 },
      );
    });
  });
}

async function check(all: (Participant & { readonly sink: StrictSink })[], steps: readonly Step[]): Promise<void> {
  const sent: Sent[] = [];
  /** Per epoch, broker and name: what its wish was over the whole epoch. */
  const epochs: Record<Name, Wish>[][] = [];
  let pending: Promise<unknown>[] = [];

  const settle = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
    await settled(all);
    epochs.push(all.map(({ sink }) => ({ a: { ...sink.wishes.a }, b: { ...sink.wishes.b } })));
    for (const { sink } of all) {
      for (const name of names) {
        const { isSubscribed } = sink.wishes[name];
        sink.wishes[name] = { isSubscribed, wasSubscribedThroughout: isSubscribed, wasSubscribedEver: isSubscribed };
      }
    }
  };

  for (const step of steps) {
    if (step.type === 'settle') {
      await settle();
      continue;
    }
    const { broker, sink } = all[step.broker] as (typeof all)[0];
    const current = sink.wishes[step.name];
    if (step.type === 'publish') {
      const id = sent.push({ id: sent.length, publisher: step.broker, name: step.name, epoch: epochs.length }) - 1;
      pending.push(broker.publish(textPublication(step.name, String(id))));
    } else if (step.type === 'subscribe') {
      current.isSubscribed = true;
      current.wasSubscribedEver = true;
      pending.push(broker.subscribe([step.name]));
    } else {
      current.isSubscribed = false;
      current.wasSubscribedThroughout = false;
      pending.push(broker.unsubscribe([step.name]));
    }
  }
  await settle();

  const delivered = all.map(
    ({ sink }) =>
      Object.fromEntries(names.map((name) => [name, sink.texts(name).map(Number)])) as Record<Name, number[]>,
  );
  expect(all.flatMap(({ sink }) => sink.violations)).toEqual([]);
  for (const name of names) {
    delivered.forEach((of, receiver) => {
      const ids = of[name];
      expect(new Set(ids).size, 'no duplicates').toBe(ids.length);
      for (let publisher = 0; publisher < brokerCount; publisher++) {
        const ofOne = ids.filter((id) => sent[id]?.publisher === publisher);
        expect(ofOne, 'order of one publisher').toEqual(ofOne.toSorted((a, b) => a - b));
      }
      for (const other of delivered) {
        expect(
          ids.filter((id) => other[name].includes(id)),
          'one order everywhere',
        ).toEqual(other[name].filter((id) => ids.includes(id)));
      }
      for (const { id, name: to, epoch } of sent) {
        const wished = epochs[epoch]?.[receiver]?.[name];
        if (to !== name || !wished?.wasSubscribedEver) expect(ids, 'only the subscribed').not.toContain(id);
        else if (wished.wasSubscribedThroughout) expect(ids, 'all the subscribed').toContain(id);
      }
    });
  }
}
