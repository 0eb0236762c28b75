/**
 * Writes on the TCP handle itself, past Node's stream: 4 to 8 % of the CPU of a write where the kernel is slow, more where
 * it is fast. And has Node read into one buffer for all sockets, as its option `onread` does for those a program makes
 * itself: without 64 KiB of new memory and a stream's ways for each read. This file is the only one to use anything that
 * is not public API of Node or ws; where anything of it is missing, and for sockets that are no plain TCP, `publicWrites`
 * and `publicReads` do the same. What it relies on: `process.binding` (Node's DEP0111), the write of a libuv stream
 * (`writeBuffer`, as lib/internal/stream_base_commons.js calls it), its `useUserBuffer` with the two properties of a
 * socket in which lib/net.js keeps `onread`, and `socket._handle`.
 */
import { Socket } from 'node:net';
import { publicReads, type ReaderSocket, type SocketReads } from './receiving/socket-reads.ts';
import { publicWrites, type SocketWrites, type Writer } from './sending/socket-writes.ts';

interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** Lives as long as libuv reads from it. */
  buffer?: Buffer;
  socket?: Socket;
  writer?: Writer;
}

/** What comes is read into it, and has to be dealt with or copied before the next read of any socket. */
const sharedBytes = 64 * 1024;

interface TcpHandle {
  useUserBuffer(buffer: Buffer): void;
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

/** The least work per read that there is in this Node. */
export function findSocketReads(): SocketReads {
  const internals = findInternals();
  const keys = internals === undefined ? undefined : findReadKeys();
  return internals === undefined || keys === undefined ? publicReads : directReads(internals, keys);
}

function directReads({ isTcpHandle }: Internals, { buffer, callback }: ReadKeys): SocketReads {
  const shared = Buffer.allocUnsafeSlow(sharedBytes);
  return {
    begin(socket, reader) {
      const handle = (socket as Socket & HandleOwner)._handle;
      // What has been read already is Node's to give.
      if (!isTcpHandle(handle) || socket.readableLength > 0) {
        publicReads.begin(socket, reader);
        return;
      }
      socket.reader = reader;
      Object.assign(socket, { [buffer]: shared, [callback]: onRead });
      handle.useUserBuffer(shared);
      socket.resume();
    },
  };
}

function onRead(this: ReaderSocket, count: number, shared: Buffer): true {
  this.reader?.came(shared.subarray(0, count), true);
  return true;
}

interface ReadKeys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Where a socket keeps its option `onread`. */
function findReadKeys(): ReadKeys | undefined {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const buffer = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}

function directWrites({ WriteWrap, isTcpHandle, wasLeftOver }: Internals): SocketWrites {
  // libuv keeps a request only if the kernel does not take all at once: this one serves all writes until then.
  let request = new WriteWrap();
  return {
    write(socket, bytes, writer) {
      // The socket and its stream's state are two objects more that a write would have to fetch from memory.
      const handle = (writer.handle ??= handleOf(socket, isTcpHandle));
      if (handle === undefined) return publicWrites.write(socket, bytes, writer);
      // One that has been closed meanwhile answers with an error too.
      if ((handle as TcpHandle).writeBuffer(request, bytes) !== 0) {
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

/** @returns undefined behind what Node still has to write, and of what is gone: that is Node's own to deal with */
function handleOf(socket: Socket & HandleOwner, isTcpHandle: Internals['isTcpHandle']): TcpHandle | undefined {
  const handle = socket._handle;
  return isTcpHandle(handle) && socket.writableLength === 0 && socket.writable ? handle : undefined;
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
    const prototype = fieldOf(Tcp, 'prototype');
    for (const method of ['writeBuffer', 'useUserBuffer'])
      if (typeof fieldOf(prototype, method) !== 'function') return undefined;
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
