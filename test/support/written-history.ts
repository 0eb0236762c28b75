import type { HistoryCapability, HistoryPage, HistoryQuery, Position, Publication } from '../../src/broker/broker.ts';

/** A history that a test writes by itself: it keeps what it is told to, fails when it is told to, and counts. */
export class WrittenHistory implements HistoryCapability {
  epoch = 'E';
  readonly reads: HistoryQuery[] = [];
  /** Kept ones by their offsets; what is missing between them is skipped. */
  readonly kept = new Map<number, Publication>();
  newest = 0;
  floor = 0;
  pageSize = 1_000;
  /** Waited for before the page is made, or after it. */
  before: ((query: HistoryQuery) => Promise<void> | void) | undefined;
  after: ((query: HistoryQuery) => Promise<void> | void) | undefined;

  append(bytes = 10, isKept = true): Publication {
    const position = { epoch: this.epoch, offset: ++this.newest };
    const data = Buffer.alloc(bytes, 'x');
    const publication: Publication = { subscription: 's', data, kind: 'text', exclude: [], position };
    if (isKept) this.kept.set(this.newest, publication);
    return publication;
  }

  at(offset: number): Position {
    return { epoch: this.epoch, offset };
  }

  async read(_name: string, query: HistoryQuery): Promise<HistoryPage> {
    this.reads.push(query);
    await this.before?.(query);
    const page = this.#page(query);
    await this.after?.(query);
    return page;
  }

  #page({ since, limit }: HistoryQuery): HistoryPage {
    const position = this.at(this.newest);
    if (since !== undefined && (since.epoch !== this.epoch || since.offset > this.newest))
      return { publications: [], position, lost: 'epoch' };
    if (since !== undefined && since.offset < this.floor) return { publications: [], position, lost: 'trimmed' };
    const first = (since?.offset ?? this.floor) + 1;
    const last = Math.min(this.newest, first + Math.min(limit, this.pageSize) - 1);
    const publications: Publication[] = [];
    for (let offset = first; offset <= last; offset++) {
      const publication = this.kept.get(offset);
      if (publication !== undefined) publications.push(publication);
    }
    if (publications.length === last - first + 1) return { publications, position };
    return { publications, position, range: { first, last } };
  }
}
