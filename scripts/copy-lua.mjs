// Puts the Redis broker's scripts beside its code: src/broker/redis/lua/ → dist/broker/redis/lua/.
import { cp, rm } from 'node:fs/promises';

const source = new URL('../src/broker/redis/lua/', import.meta.url);
const target = new URL('../dist/broker/redis/lua/', import.meta.url);

// What is no longer in the source goes from there as well.
await rm(target, { recursive: true, force: true });
await cp(source, target, { recursive: true });
