import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeCodes, fitCloseReason, isSendableCloseCode } from '../../src/gateway/close-codes.ts';

describe('close codes', () => {
  it('are in docs/close-codes.md as they are in the table', async () => {
    const docs = await readFile(new URL('../../docs/close-codes.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| (\d{4}) \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(
      ([, code, name, retry, meaning]) => [Number(code), { name, retry, meaning }],
    );
    expect(Object.fromEntries(documented)).toEqual(closeCodes);
  });

  it('may all be sent', () => {
    for (const code of Object.keys(closeCodes)) expect(isSendableCloseCode(Number(code))).toBe(true);
  });

  it('have reasons of at most 123 bytes that are whole characters and begin as given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300, size: 'max' }), (reason) => {
        const fitted = fitCloseReason(reason);
        expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(123);
        expect(reason.startsWith(fitted)).toBe(true);
        expect(fitted).toBe(Buffer.from(fitted).toString());
        if (fitted !== reason) expect(Buffer.byteLength(fitted)).toBeGreaterThan(119);
      }),
    );
  });
});
