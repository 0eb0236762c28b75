import type { BrokerSink, PresenceEvent, Publication } from '../../src/broker/broker.ts';

/** Keeps all that a broker hands over. */
export class RecordingSink implements BrokerSink {
  readonly publications: Publication[] = [];
  readonly gaps: (readonly string[])[] = [];
  readonly events: PresenceEvent[] = [];

  deliver(publication: Publication): void {
    this.publications.push(publication);
  }

  gap(names: readonly string[]): void {
    this.gaps.push(names);
  }

  presence(event: PresenceEvent): void {
    this.events.push(event);
  }

  /** The data of what was delivered for a name, as text. */
  texts(name: string): string[] {
    return this.publications.filter(({ subscription }) => subscription === name).map(({ data }) => data.toString());
  }
}
