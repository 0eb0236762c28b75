import type { App } from './app.ts';
import type { AppOptions, SubscriptionAppOptions } from './app-options.ts';
import { chatApp } from './chat/chat.ts';
import { echoApp } from './echo/echo.ts';
import { logViewApp } from './log-view/log-view.ts';
import type { LogViewOptions } from './log-view/log-view-options.ts';

/** The apps that come with Carillon, by the name of their configuration section. */
export interface BundledApps {
  readonly echo: App<AppOptions>;
  readonly chat: App<SubscriptionAppOptions>;
  readonly 'log-view': App<LogViewOptions>;
}

export const bundledApps: BundledApps = { echo: echoApp, chat: chatApp, 'log-view': logViewApp };
