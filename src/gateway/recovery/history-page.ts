import type { HistoryPage, Position } from '../../broker/broker.ts';

/** The offset before the page's first publication: whoever has got there, or further, can go on with the page. */
export function startOf({ publications, position, range }: HistoryPage): number {
  return (range?.first ?? publications[0]?.position?.offset ?? position.offset + 1) - 1;
}

/** The offset that whoever has the page has got to. */
export function endOf({ publications, position, range }: HistoryPage): number {
  return range?.last ?? publications.at(-1)?.position?.offset ?? position.offset;
}

/**
 * The page, if whoever was at `from` gets on with it, or has got to the end. Where it leaves such a reader where they
 * were, whyever, it is answered as a loss: asking again would go on for ever.
 */
export function progressing(page: HistoryPage, from: Position | undefined): HistoryPage {
  const { position, lost } = page;
  if (lost !== undefined || from === undefined || position.offset === from.offset) return page;
  if (position.offset < from.offset) return { publications: [], position, lost: 'epoch' };
  const goesOn = startOf(page) === from.offset && endOf(page) > from.offset;
  return goesOn ? page : { publications: [], position, lost: 'trimmed' };
}

/**
 * Where in the page somebody goes on who has got to this place: an offset of the page's epoch, the offset before the
 * next publication. undefined: the page does not tell whether, or from where, one can.
 * @param from where the page was read from
 */
export function placeIn(page: HistoryPage, from: Position | undefined, place: Position): number | undefined {
  const start = startOf(page);
  if (place.epoch === page.position.epoch) return place.offset >= start ? place.offset : undefined;
  if (from?.epoch === place.epoch && from.offset === place.offset) return start;
  // A history may go on under another epoch; the page then has publications of both.
  return epochAt(page, place.offset) === place.epoch ? place.offset : undefined;
}

/** The epoch of the page's publication with this offset. */
function epochAt(page: HistoryPage, offset: number): string | undefined {
  const { publications } = page;
  // Some before it may have been skipped.
  for (let index = Math.min(offset - startOf(page), publications.length) - 1; index >= 0; index--) {
    const position = publications[index]?.position;
    if (position === undefined || position.offset < offset) return undefined;
    if (position.offset === offset) return position.epoch;
  }
  return undefined;
}
