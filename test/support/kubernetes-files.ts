import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

/** `deploy/kubernetes` as a path. */
export const kubernetesFolder: string = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url));

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Known to whoever asks for the kind. */
  readonly spec?: unknown;
}

/** Every file below `deploy/kubernetes`, as paths relative to it. */
export async function kubernetesPaths(): Promise<readonly string[]> {
  const entries = await readdir(kubernetesFolder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(kubernetesFolder.length).replace(/^\//, ''))
    .toSorted();
}

/** @throws Error with YAML's own complaint, a key that is there twice included */
export function parseResources(text: string): readonly Resource[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as Resource;
  });
}

export async function readResources(path: string): Promise<readonly Resource[]> {
  return parseResources(await readFile(kubernetesFolder + path, 'utf8'));
}

/** A file with one document that is no resource, such as a kustomization. */
export async function readYaml<T>(path: string): Promise<T> {
  return parse(await readFile(kubernetesFolder + path, 'utf8')) as T;
}

/** The one resource of a kind. @throws Error when there is none, or several */
export function only(resources: readonly Resource[], kind: string, name?: string): Resource {
  const found = resources.filter(
    (resource) => resource.kind === kind && (name === undefined || resource.metadata.name === name),
  );
  const [one] = found;
  if (one === undefined || found.length > 1) throw new Error(`expected one ${kind}, found ${found.length}`);
  return one;
}
