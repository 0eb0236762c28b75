import { describe, expect, it } from 'vitest';
import { kubernetesPaths, only, readResources, type Resource } from '../support/kubernetes-files.ts';
import { hasSchema, schemaProblems } from '../support/kubernetes-schemas.ts';
import { hasKustomize, kustomize } from '../support/kustomize.ts';

/** Of others' making: their schemas are where they are installed. */
const customKinds = ['HTTPRoute', 'PodMonitor'];

const paths = (await kubernetesPaths()).filter(
  (path) => /^(base|components|overlays)\//.test(path) && !/\/(kustomization|carillon|redis-egress)\.yaml$/.test(path),
);

function problemsOf(resources: readonly Resource[]): readonly string[] {
  return resources
    .filter(({ kind }) => !customKinds.includes(kind))
    .flatMap((resource) => schemaProblems(resource).map((problem) => `${resource.kind}: ${problem}`));
}

describe('the schemas of Kubernetes', () => {
  it.each(paths)('have nothing against %s', async (path) => {
    const resources = await readResources(path);
    expect(resources.length).toBeGreaterThan(0);
    expect(problemsOf(resources)).toEqual([]);
  });

  it.skipIf(!hasKustomize).each(['base', 'overlays/demo', 'overlays/production'])(
    'have nothing against %s as kustomize builds it',
    (path) => {
      expect(problemsOf(kustomize(path))).toEqual([]);
    },
  );

  it('are there for all kinds but those of others', async () => {
    const all = (await Promise.all(paths.map(readResources))).flat();
    expect([...new Set(all.filter((resource) => !hasSchema(resource)).map(({ kind }) => kind))].toSorted()).toEqual(
      customKinds,
    );
  });

  it('would have found a wrong type, a wrong word, something missing and something misspelt', async () => {
    const deployment = only(await readResources('base/deployment.yaml'), 'Deployment');
    const spec = deployment.spec as { readonly selector: unknown; readonly template: object };
    const problems = (changed: object): string => schemaProblems({ ...deployment, spec: changed }).join();
    expect(problems({ ...spec, replicas: 'two' })).toContain('/spec/replicas must be integer');
    expect(problems({ ...spec, strategy: { type: 'Rolling' } })).toContain('/spec/strategy/type');
    expect(problems({ template: spec.template })).toContain('selector');
    expect(problems({ ...spec, minReadySecond: 10 })).toBe('/spec/minReadySecond is not in the schema');
  });
});
