import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import * as errors from '../../src/client/client-errors.ts';
import { HandshakeError } from '../../src/client/client-errors.ts';
import type { CloseInfo } from '../../src/client/client-options.ts';
import { isWorthRetrying } from '../../src/client/retry-advice.ts';
import { closeCodes } from '../../src/gateway/close-codes.ts';

const docs = await readFile(new URL('../../docs/client.md', import.meta.url), 'utf8');

/** Cells of the rows of the table whose first heading is `heading`. */
function tableRows(heading: string): string[][] {
  const lines = docs.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function closedWith(code: number): CloseInfo {
  return { code, reason: '' };
}

describe('docs/client.md', () => {
  it('lists every error class with its code, and no other', () => {
    const documented = tableRows('code').map(([code, name]) => `${name} ${code}`.replaceAll('`', ''));
    const existing = Object.entries(errors)
      .filter(([name]) => name !== 'ClientError')
      .map(([name, Class]) => {
        const answer = { status: 401, headers: new Headers(), body: '' };
        const error = new (Class as typeof HandshakeError)('message', answer, {});
        expect(error).toBeInstanceOf(errors.ClientError);
        expect(error.name).toBe(name);
        return `${name} ${error.code}`;
      });
    expect(documented.toSorted()).toEqual(existing.toSorted());
  });

  it('says which close codes are retried', () => {
    const rows = tableRows('close code');
    expect(rows).toHaveLength(17);
    for (const [codes = '', , retried] of rows) {
      for (const code of codes.split('–')) {
        expect(isWorthRetrying(closedWith(Number(code))), code).toBe(retried === 'yes');
      }
    }
  });
});

describe('the advice of what to retry', () => {
  it('follows what the gateway means by its close codes', () => {
    const codes = Object.entries(closeCodes);
    expect(codes.length).toBeGreaterThan(5);
    for (const [code, { retry }] of codes) {
      expect(isWorthRetrying(closedWith(Number(code))), code).toBe(retry !== 'do not retry');
    }
  });

  it('adds the codes that the program named', () => {
    expect(isWorthRetrying(closedWith(4100), [4100])).toBe(true);
    expect(isWorthRetrying(closedWith(4101), [4100])).toBe(false);
  });

  it('takes 5xx, 408, 425 and 429 for "later", and every other answer for "no"', () => {
    const retried = Array.from({ length: 500 }, (_, index) => index + 100).filter((status) => {
      const error = new HandshakeError('', { status, headers: new Headers(), body: '' });
      return isWorthRetrying({ ...closedWith(1006), error });
    });
    expect(retried).toEqual([408, 425, 429, ...Array.from({ length: 100 }, (_, index) => index + 500)]);
  });
});
