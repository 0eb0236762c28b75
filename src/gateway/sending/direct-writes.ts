/**
 * Writes on the TCP handle itself, past Node's stream: 4 to 8 % of the CPU of a write where the kernel is slow, more where
 * it is fast. This file is the only
 * one to use anything that is not public API of Node or ws; where anything of it is missing, and for sockets that are
 * no plain TCP, `publicWrites` does the same. What it relies on: `process.binding` (Node's DEP0111), the write of a
 * libuv stream (`writeBuffer`, as lib/internal/stream_base_commons.js calls it) and `socket._handle`.
 */
import type { Socket } from 'node:net';
import { publicWrites, type SocketWrites, type Writer } from './socket-writes.ts';

interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Lives as long as libuv reads from it. */
  buffer?: Buffer;
  socket?: Socket;
  writer?: Writer;
}

interface TcpHandle {
  /** @returns 0, or the error's number */
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

interface HandleOwner {
  /** null when the socket has gone. */
  readonly _handle?: unknown;
}

interface Internals {
  readonly WriteWrap: new () => WriteRequest;
  readonly isTcpHandle: (handle: unknown) => handle is TcpHandle;
  /** Whether the last write of this thread was left to libuv, which goes on with it when the socket can take more. */
  readonly wasLeftOver: () => boolean;
}

/** The fastest way there is in this Node. */
export function findSocketWrites(): SocketWrites {
  const internals = findInternals();
  return internals === undefined ? publicWrites : directWrites(internals);
}

function directWrites({ WriteWrap, isTcpHandle, wasLeftOver }: Internals): SocketWrites {
  // libuv keeps a request only if the kernel does not take all at once: this one serves all writes until then.
  let request = new WriteWrap();
  return {
    write(socket, bytes, writer) {
      const handle = (socket as Socket & HandleOwner)._handle;
      // Behind what Node still has to write, and what is gone, is Node's own to deal with.
      if (!isTcpHandle(handle) || socket.writableLength > 0 || !socket.writable)
        return publicWrites.write(socket, bytes, writer);
      if (handle.writeBuffer(request, bytes) !== 0) {
        socket.destroy();
        return true;
      }
      if (!wasLeftOver()) return true;
      Object.assign(request, { oncomplete: onComplete, buffer: bytes, socket, writer });
      request = new WriteWrap();
      return false;
    },
  };
}

function onComplete(this: WriteRequest, status: number): void {
  const { socket, writer } = this;
  if (status !== 0) socket?.destroy();
  writer?.taken();
}

function findInternals(): Internals | undefined {
  try {
    const binding = fieldOf(process, 'binding');
    if (typeof binding !== 'function') return undefined;
    const streams: unknown = binding('stream_wrap');
    const WriteWrap = fieldOf(streams, 'WriteWrap');
    const state = fieldOf(streams, 'streamBaseState');
    const index = fieldOf(streams, 'kLastWriteWasAsync');
    const Tcp = fieldOf(binding('tcp_wrap'), 'TCP');
    if (!isConstructor(WriteWrap) || !isConstructor(Tcp)) return undefined;
    if (!(state instanceof Int32Array) || typeof index !== 'number') return undefined;
    if (typeof fieldOf(fieldOf(Tcp, 'prototype'), 'writeBuffer') !== 'function') return undefined;
    return {
      WriteWrap,
      isTcpHandle: (handle): handle is TcpHandle => handle instanceof Tcp,
      wasLeftOver: () => state[index] !== 0,
    };
  } catch {
    return undefined;
  }
}

function isConstructor(value: unknown): value is new () => WriteRequest {
  return typeof value === 'function';
}

function fieldOf(owner: unknown, name: string): unknown {
  if (owner === null || (typeof owner !== 'object' && typeof owner !== 'function')) return undefined;
  return Reflect.get(owner, name) as unknown;
}
