import { fileURLToPath } from 'node:url';
import type { App, AppContext, MountedApp } from '../apps/app.ts';
import type { AppOptions } from '../apps/app-options.ts';
import { bundledApps } from '../apps/registry.ts';
import type { AppsConfig } from '../config/config.ts';
import { loadPage } from '../http/load-page.ts';
import type { PageFiles } from '../http/page-files.ts';

/** Mounts every app whose configuration section lists `urls`. When one fails, those before it are closed again. */
export async function mountApps(config: AppsConfig, context: Omit<AppContext, 'page'>): Promise<MountedApp> {
  const mounted: MountedApp[] = [];
  const close = async (): Promise<void> => {
    for (let app = mounted.pop(); app !== undefined; app = mounted.pop()) await app.close();
  };
  const mount = async <Options extends AppOptions>(app: App<Options>, options: Options | undefined): Promise<void> => {
    if (options === undefined || options.urls.length === 0) return;
    mounted.push(await app.mount({ ...context, page: await pageOf(app.name) }, options));
  };
  try {
    await mount(bundledApps.echo, config.echo);
    await mount(bundledApps.chat, config.chat);
    await mount(bundledApps['log-view'], config['log-view']);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

/** The page that the build put beside the code; undefined where the app has none. */
async function pageOf(app: string): Promise<PageFiles | undefined> {
  try {
    return await loadPage(fileURLToPath(new URL(`../pages/${app}/`, import.meta.url)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
