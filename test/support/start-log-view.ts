import type { AppContext, DutyStart } from '../../src/apps/app.ts';
import type { LogViewOptions } from '../../src/apps/log-view/log-view-options.ts';
import { logViewApp } from '../../src/apps/log-view/log-view.ts';
import { Severities } from '../../src/lib/severities.ts';
import { startSite, type StartedSite } from './start-site.ts';

export interface StartedLogView extends AsyncDisposable {
  readonly site: StartedSite;
  readonly severities: Severities;
  /** Where log-view is, with this query. */
  url(query?: string): string;
  socketUrl(query?: string): string;
  /** The state that was saved last. */
  readonly saved: string | undefined;
}

export interface StartLogViewOptions {
  readonly ownLogs?: Readonly<Record<string, string>>;
  /** Leaves the options without `auth`. Default: loopback addresses may watch. */
  readonly hasAuth?: boolean;
}

/** log-view on one worker that has the duty of following the logs. */
export async function startLogView(
  options: Partial<LogViewOptions>,
  { ownLogs = {}, hasAuth = true }: StartLogViewOptions = {},
): Promise<StartedLogView> {
  const auth: Partial<LogViewOptions> = hasAuth ? { auth: { type: 'loopback' } } : {};
  const severities = new Severities();
  let saved: string | undefined;
  let stop: (() => Promise<void>) | undefined;
  let app: { close(): Promise<void> } | undefined;
  const mount = async (context: AppContext): Promise<void> => {
    let duty: DutyStart | undefined;
    const takeTurns = (_: string, start: DutyStart): void => void (duty = start);
    const node = { ...context.node, name: 'a', severities, ownLogs, takeTurns };
    app = await logViewApp.mount({ ...context, node }, { urls: ['/logs'], refresh: 20, ...auth, ...options });
    stop = await duty?.(undefined, (state) => void (saved = state));
  };
  const site = await startSite({ mount });
  return {
    site,
    severities,
    url: (query = '') => `${site.origin}/logs${query}`,
    socketUrl: (query = '') => `${site.origin.replace('http', 'ws')}/logs/connect${query}`,
    get saved() {
      return saved;
    },
    async [Symbol.asyncDispose]() {
      await stop?.();
      await app?.close();
      await site[Symbol.asyncDispose]();
    },
  };
}
