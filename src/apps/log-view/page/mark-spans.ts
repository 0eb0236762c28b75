import type { Range } from './line-filter.ts';
import type { Span } from './span.ts';

/** A span that may be part of a match of the filter. */
export interface MarkedSpan extends Span {
  readonly marked: boolean;
}

/** Cuts spans at the bounds of ranges. The text stays the same; every span is marked entirely or not at all. */
export function markSpans(spans: readonly Span[], ranges: readonly Range[]): MarkedSpan[] {
  const marked: MarkedSpan[] = [];
  let offset = 0;
  let next = 0;
  for (const span of spans) {
    const end = offset + span.text.length;
    let from = offset;
    while (from < end) {
      while ((ranges[next]?.end ?? Infinity) <= from) next++;
      const range = ranges[next];
      const inside = range !== undefined && range.start <= from;
      const to = Math.min(end, (inside ? range.end : range?.start) ?? end);
      marked.push({ ...span, text: span.text.slice(from - offset, to - offset), marked: inside });
      from = to;
    }
    offset = end;
  }
  return marked;
}
