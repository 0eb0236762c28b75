import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const src = resolve(import.meta.dirname, '../../src');

/** Who may import whom: folder → folders. `node:` modules are free for all that do not run in browsers. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  client: ['lib'],
  metrics: ['lib'],
  broker: ['lib', 'metrics'],
  auth: ['lib'],
  gateway: ['broker', 'auth', 'metrics', 'lib'],
  http: ['lib', 'metrics'],
  apps: ['gateway', 'broker', 'http', 'auth', 'metrics', 'lib', 'client'],
  config: ['apps', 'auth', 'gateway', 'http', 'server', 'broker', 'lib'],
  server: ['apps', 'auth', 'broker', 'config', 'gateway', 'http', 'lib', 'metrics', 'cli'],
  cli: ['apps', 'auth', 'broker', 'config', 'gateway', 'http', 'lib', 'metrics', 'server'],
};

/** Package → what may import it: a folder, or a file. */
const packageUsers: Readonly<Record<string, readonly string[]>> = {
  ws: ['gateway/', 'client/node-transport.ts'],
  'prom-client': ['metrics/'],
  ioredis: ['broker/redis/'],
  chokidar: ['apps/log-view/', 'server/tls'],
  jose: ['auth/'],
  pino: ['server/'],
  zod: ['config/'],
  yaml: ['config/', 'cli/print-config'],
  commander: ['cli/'],
};

interface Import {
  readonly file: string;
  /** Path inside src, or a package's name. */
  readonly target: string;
  readonly typeOnly: boolean;
  readonly relative: boolean;
}

async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(src, { recursive: true });
  return entries.filter((file) => file.endsWith('.ts')).toSorted();
}

async function importsOf(file: string): Promise<Import[]> {
  const text = await readFile(join(src, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gm);
  const lazy = text.matchAll(/\bimport\('([^']+)'\)/g);
  return [
    ...[...statements].map(([, type, from]) => ({ type, from })),
    ...[...lazy].map(([, from]) => ({ type: undefined, from })),
  ].flatMap(({ type, from = '' }) => {
    if (from.startsWith('node:')) return [];
    const isRelative = from.startsWith('.');
    const target = isRelative
      ? relative(src, resolve(src, dirname(file), from))
      : from
          .split('/')
          .slice(0, from.startsWith('@') ? 2 : 1)
          .join('/');
    return [{ file, target, typeOnly: type !== undefined, relative: isRelative }];
  });
}

const files = await sourceFiles();
const imports = (await Promise.all(files.map(importsOf))).flat();
const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : '');
const appOf = (path: string): string | undefined => /^apps\/([^/]+)\//.exec(path)?.[1];

describe('the architecture', () => {
  it('is read from real files', () => {
    expect(files.length).toBeGreaterThan(80);
    expect(imports.length).toBeGreaterThan(200);
    for (const folder of Object.keys(mayImport))
      expect(
        files.some((file) => folderOf(file) === folder),
        folder,
      ).toBe(true);
  });

  it('lets a folder import only those below it', () => {
    const wrong = imports.filter(({ file, target, relative }) => {
      const from = folderOf(file);
      const to = folderOf(target);
      if (!relative || from === '' || from === to) return false;
      return !(mayImport[from] ?? []).includes(to);
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('lets only the composition root and the command line import the configuration', () => {
    const wrong = imports.filter(
      ({ file, target }) => folderOf(target) === 'config' && !['config', 'server', 'cli'].includes(folderOf(file)),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps the gateway from any broker but the contract, and brokers from the gateway', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        folderOf(file) === 'gateway' && folderOf(target) === 'broker' && target !== 'broker/broker.ts',
    );
    expect(wrong).toEqual([]);
  });

  it('keeps apps apart', () => {
    const wrong = imports.filter(({ file, target }) => {
      const from = appOf(file);
      const to = appOf(target);
      return from !== undefined && to !== undefined && from !== to;
    });
    expect(wrong).toEqual([]);
  });

  it('lets only pages import the client, and browsers nothing of Node', async () => {
    const usersOfClient = imports.filter(
      ({ file, target }) => folderOf(target) === 'client' && folderOf(file) !== 'client',
    );
    for (const { file } of usersOfClient) expect(file).toMatch(/^apps\/[^/]+\/page\//);
    for (const file of files.filter((name) => /\/page\//.test(name))) {
      expect(await readFile(join(src, file), 'utf8'), file).not.toMatch(/from 'node:/);
    }
  });

  it('lets each package in at its own door', () => {
    const wrong = imports.filter(({ file, target, relative, typeOnly }) => {
      if (relative || typeOnly) return false;
      return !(packageUsers[target] ?? []).some((user) => file.startsWith(user));
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('has no cycles', () => {
    const edges = new Map<string, string[]>();
    for (const { file, target, relative, typeOnly } of imports) {
      if (relative && !typeOnly) edges.set(file, [...(edges.get(file) ?? []), target]);
    }
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of edges.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('keeps files at a size that can be read', async () => {
    for (const file of files) {
      const lines = (await readFile(join(src, file), 'utf8')).split('\n').length;
      expect(lines, file).toBeLessThanOrEqual(350);
    }
  });
});
