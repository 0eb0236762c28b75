import { execFileSync, spawnSync } from 'node:child_process';
import { kubernetesFolder, parseResources, type Resource } from './kubernetes-files.ts';

/** Whether kubectl is here, and new enough to know components (kubectl 1.21; Debian 12 has 1.20). */
export const hasKustomize: boolean = spawnSync('kubectl', ['kustomize', '--help'], {
  encoding: 'utf8',
  timeout: 30_000,
}).stdout?.includes('--load-restrictor');

/** What `kubectl apply -k deploy/kubernetes/<path>` would send. */
export function kustomize(path: string): readonly Resource[] {
  const built = execFileSync('kubectl', ['kustomize', kubernetesFolder + path], { encoding: 'utf8', timeout: 30_000 });
  return parseResources(built);
}
