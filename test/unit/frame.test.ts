import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeFrame, Frame, uncompressed } from '../../src/gateway/sending/frame.ts';

const off = { enabled: false, thresholdBytes: 1024, level: 1 };

describe('a frame', () => {
  it('has the literal bytes of RFC 6455 §5.7', () => {
    expect(encodeFrame({ data: 'Hello', kind: 'text' })).toEqual(
      Buffer.from([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
    );
    expect(encodeFrame({ data: Buffer.alloc(256), kind: 'binary' }).subarray(0, 4)).toEqual(
      Buffer.from([0x82, 0x7e, 0x01, 0x00]),
    );
    expect(encodeFrame({ data: Buffer.alloc(65_536), kind: 'binary' }).subarray(0, 10)).toEqual(
      Buffer.from([0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
    );
  });

  it.each([
    [0, [0x82, 0]],
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65_535, [0x82, 126, 0xff, 0xff]],
    [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
    [16_777_216, [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 0]],
  ])('has the shortest header for %i bytes', (length, header) => {
    const frame = encodeFrame({ data: Buffer.alloc(length), kind: 'binary' });
    expect([...frame.subarray(0, header.length)]).toEqual(header);
    expect(frame.length).toBe(header.length + length);
  });

  it('is encoded once, however many receivers ask for it', () => {
    const frame = new Frame({ data: 'x'.repeat(5_000), kind: 'text' }, { ...off, enabled: true });
    expect(frame.bytesFor(uncompressed)).toBe(frame.bytesFor(uncompressed));
    expect(frame.bytesFor(15)).toBe(frame.bytesFor(15));
    expect(frame.bytesFor(15).length).toBeLessThan(frame.bytesFor(uncompressed).length);
  });

  it('shares the plain bytes with compressing receivers when compression does not pay', () => {
    const incompressible = randomBytes(2_000);
    const frame = new Frame({ data: incompressible, kind: 'binary' }, { enabled: true, thresholdBytes: 10, level: 1 });
    expect(frame.bytesFor(15)).toBe(frame.bytesFor(uncompressed));
  });
});
