import * as core from 'kubernetes-models/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import type { Resource } from './kubernetes-files.ts';

/** Checks `this` against the schema. @throws Error with every problem */
type Validate = (this: object) => void;

/** The kinds that deploy/kubernetes uses, by version. kubernetes-models compiles each from Kubernetes' own OpenAPI. */
const validators: ReadonlyMap<string, Validate> = new Map(
  [
    apps.Deployment,
    autoscaling.HorizontalPodAutoscaler,
    core.ConfigMap,
    core.Namespace,
    core.Secret,
    core.Service,
    core.ServiceAccount,
    networking.Ingress,
    networking.NetworkPolicy,
    policy.PodDisruptionBudget,
  ].map((model) => [`${model.apiVersion} ${model.kind}`, model.prototype.validate]),
);

export function hasSchema({ apiVersion, kind }: Resource): boolean {
  return validators.has(`${apiVersion} ${kind}`);
}

/**
 * What is wrong with a resource by the schema of its kind, keys that the schema does not know included: those are legal
 * JSON, the API server drops them, and mostly they are misspelt.
 */
export function schemaProblems(resource: Resource): readonly string[] {
  const validate = validators.get(`${resource.apiVersion} ${resource.kind}`);
  if (validate === undefined) throw new Error(`no schema of ${resource.apiVersion} ${resource.kind}`);
  const unread: Unread = new Map();
  try {
    validate.call(recording(resource, '', unread) as object);
  } catch (error) {
    return [String(error)];
  }
  return [...unread].flatMap(([path, keys]) => [...keys].map((key) => `${path}/${key} is not in the schema`));
}

/** The keys of each object, by its path, that the validator has not looked at. */
type Unread = Map<string, Set<string>>;

/** A compiled schema looks at each property that it knows, and at no other. */
function recording(value: unknown, path: string, unread: Unread): unknown {
  if (Array.isArray(value)) return value.map((item, index) => recording(item, `${path}/${index}`, unread));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, recording(child, `${path}/${key}`, unread)]);
  const keys = new Set(Object.keys(value));
  unread.set(path, keys);
  return new Proxy(Object.fromEntries(entries) as object, {
    get(target, key): unknown {
      if (typeof key === 'string') keys.delete(key);
      return Reflect.get(target, key);
    },
  });
}
