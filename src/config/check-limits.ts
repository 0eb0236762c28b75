import type { AppsConfig } from './config.ts';
import type { Explanation } from './explain-issue.ts';
import { formatPath, valueAt, type ConfigPath } from './path.ts';
import type { Problem } from './problem.ts';
import { messageBytes, outboxBytes } from './schema-gateway.ts';
import { describeFound } from './secrets.ts';

/** A frame's header at its longest (RFC 6455 §5.2). */
const frameBytes = 14;

/** What a chat message is to its JSON clients beside its text: who said it and when. */
const chatFieldsBytes = 4 * 1024;

/** The least outbox that takes one message of this length, by app. */
const leastOutboxBytes: Readonly<Record<keyof AppsConfig, (messageBytes: number) => number>> = {
  echo: (bytes) => bytes + frameBytes,
  // JSON may spend six bytes on one (\u0000).
  chat: (bytes) => 6 * bytes + chatFieldsBytes,
  'log-view': (bytes) => bytes + frameBytes,
};

/**
 * Finds apps that allow messages which a client's outbox cannot hold: the first such message would close every client
 * that it is sent to as a slow one.
 */
export function checkLimits(about: Pick<Explanation, 'value' | 'settings' | 'originOf'>): readonly Problem[] {
  return Object.entries(leastOutboxBytes).flatMap(([app, leastFor]) => {
    const urls = valueAt(about.value, ['apps', app, 'urls']);
    if (!Array.isArray(urls) || urls.length === 0) return [];
    const message = limitOf(app, 'messageBytes', about);
    const outbox = limitOf(app, 'outboxBytes', about);
    // What is no limit at all is reported where it is.
    if (!messageBytes.safeParse(message.bytes).success || !outboxBytes.safeParse(outbox.bytes).success) return [];
    const least = leastFor(Number(message.bytes));
    return Number(outbox.bytes) >= least ? [] : [tooSmall(message, outbox, least, about)];
  });
}

interface Limit {
  readonly path: ConfigPath;
  readonly bytes: unknown;
  readonly isDefault: boolean;
}

/** A limit as it holds for an app: its own, else its default, else that of all connections. */
function limitOf(app: string, name: string, { value, settings }: Pick<Explanation, 'value' | 'settings'>): Limit {
  const paths = [
    ['apps', app, 'limits', name],
    ['limits', name],
  ];
  for (const path of paths) {
    const bytes = valueAt(value, path);
    if (bytes !== undefined) return { path, bytes, isDefault: false };
    const setting = settings.find((candidate) => formatPath(candidate.path) === formatPath(path));
    if (setting?.default !== undefined) return { path, bytes: setting.default, isDefault: true };
  }
  return { path: paths[0] ?? [], bytes: undefined, isDefault: true };
}

/** Blames what was set, preferring the outbox where both were. */
function tooSmall(
  message: Limit,
  outbox: Limit,
  least: number,
  about: Pick<Explanation, 'value' | 'originOf'>,
): Problem {
  if (!outbox.isDefault) {
    return {
      origin: about.originOf(outbox.path),
      path: outbox.path,
      found: `${describeFound(about.value, outbox.path)}, too little for a message of ${shown(message)}`,
      expected: `at least ${least} (bytes)`,
    };
  }
  return {
    origin: about.originOf(message.path),
    path: message.path,
    found: `${describeFound(about.value, message.path)}, too much for ${shown(outbox)}`,
    expected: `${formatPath(outbox.path)} of at least ${least} (bytes) as well`,
  };
}

function shown({ path, bytes, isDefault }: Limit): string {
  return `${formatPath(path)} (${isDefault ? 'by default ' : ''}${String(bytes)})`;
}
