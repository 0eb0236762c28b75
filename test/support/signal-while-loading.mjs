// Preloaded into a program by `node --import`: when the module whose path ends with SIGNAL_BEFORE is about to be loaded, the
// program gets the signal SIGNAL. The hook runs in a thread of its own, so that the program's has all its turns.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

const { SIGNAL: signal, SIGNAL_BEFORE: path } = process.env;

export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  if (resolved.url.endsWith(path)) {
    process.kill(process.pid, signal);
    // Time for it to come, and to be acted on; without that the program might be loaded first.
    await new Promise((tell) => setTimeout(tell, 100));
  }
  return resolved;
}
