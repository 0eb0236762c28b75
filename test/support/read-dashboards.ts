import { readdir, readFile } from 'node:fs/promises';

const folder = new URL('../../deploy/grafana/dashboards/', import.meta.url);

/** What tests look at in a dashboard of Grafana. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
    readonly options?: { readonly yAxis?: { readonly unit?: string } };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

/** All of deploy/grafana/dashboards, as they are and as they are meant. */
export async function readDashboards(): Promise<
  readonly { readonly file: string; readonly text: string; readonly dashboard: Dashboard }[]
> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'));
  return await Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, folder), 'utf8');
      return { file, text, dashboard: JSON.parse(text) as Dashboard };
    }),
  );
}
