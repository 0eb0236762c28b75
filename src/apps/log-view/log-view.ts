import type { App, AppContext } from '../app.ts';
import { mountSocketApp } from '../mount-socket-app.ts';
import { LogSource } from './log-source.ts';
import { logRules } from './log-subscriptions.ts';
import { LogTails } from './log-tails.ts';
import type { LogViewOptions } from './log-view-options.ts';
import { LogViewers } from './log-viewers.ts';

const defaultRefreshMs = 250;
const defaultTail = 100;

/** Shows what is appended to log files. What clients send and are sent is described in docs/log-view.md. */
export const logViewApp: App<LogViewOptions> = {
  name: 'log-view',
  rules: ({ slowConsumer }) => logRules(slowConsumer),
  mount: async (context, options) => {
    if (options.auth === undefined && options.public !== true) {
      throw new Error('log-view: found no auth, expected one, or "public: true": a log reveals internals');
    }
    const { refresh = defaultRefreshMs, tail = defaultTail } = options;
    const sources = logSources(context, options);
    const tails = await LogTails.prepare({
      gateway: context.gateway,
      log: context.log,
      node: context.node.name,
      sources,
      refreshMs: refresh,
      tail,
    });
    const viewers = new LogViewers(context, options, { sources, refresh, tail });
    for (const url of options.urls) {
      mountSocketApp(context, url, options, {
        exists: (query) => viewers.exists(query),
        accept: (request, entry) => viewers.accept(request, entry),
      });
    }
    context.node.takeTurns('log-view', tails.start);
    return {
      close: async () => {
        viewers.close();
        await tails.close();
      },
    };
  },
};

/** The configured logs, then Carillon's own. */
function logSources({ node }: AppContext, { logs = {} }: LogViewOptions): ReadonlyMap<string, LogSource> {
  const sources = new Map(Object.entries(logs).map(([name, pattern]) => [name, new LogSource(pattern)]));
  for (const [name, path] of Object.entries(node.ownLogs)) {
    if (!sources.has(name)) sources.set(name, new LogSource(path));
  }
  return sources;
}
