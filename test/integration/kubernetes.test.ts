import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { workerStopMs } from '../../src/server/worker-deadlines.ts';
import {
  kubernetesFolder,
  kubernetesPaths,
  only,
  readResources,
  readYaml,
  type Resource,
} from '../support/kubernetes-files.ts';
import { hasKustomize, kustomize } from '../support/kustomize.ts';
import { runCarillon } from '../support/run-carillon.ts';

type Labels = Readonly<Record<string, string>>;

interface Kustomization {
  readonly resources?: readonly string[];
  readonly patches?: readonly { readonly path?: string }[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly files: readonly string[] }[];
  readonly secretGenerator?: readonly { readonly name: string; readonly literals: readonly string[] }[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly [string, string] } } };
  readonly resources: { readonly requests: { readonly cpu: string } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface DeploymentSpec {
  readonly replicas?: number;
  readonly selector: { readonly matchLabels: Labels };
  readonly template: {
    readonly metadata: { readonly labels: Labels };
    readonly spec: {
      readonly serviceAccountName: string;
      readonly terminationGracePeriodSeconds: number;
      readonly topologySpreadConstraints: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
      readonly containers: readonly [Container & { readonly image: string }];
      readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
    };
  };
}

interface Specified<T> extends Resource {
  readonly spec: T;
}

interface Metrics {
  readonly metrics: readonly { readonly pods: { readonly metric: { readonly name: string } } }[];
}

interface AdapterValues {
  readonly rules: {
    readonly custom: readonly {
      readonly seriesQuery: string;
      readonly name?: { readonly as: string };
      readonly metricsQuery: string;
    }[];
  };
}

const deployment = only(await readResources('base/deployment.yaml'), 'Deployment').spec as DeploymentSpec;
const pod = deployment.template;
const [container] = pod.spec.containers;
const portNames = container.ports.map(({ name }) => name);

/** What a pod runs with: the file of the base, and the variables that the Deployment sets. */
async function carillon(
  ...command: readonly string[]
): Promise<{ exitCode: number | null; output: string; stdout: string }> {
  const env: Record<string, string> = {
    CARILLON_NODE: 'carillon-5d9c7b-x2x4z',
    CARILLON_REDIS_URL: 'redis://redis:6379',
    // Of the image.
    CARILLON_HOST: '0.0.0.0',
    CARILLON_LOG_DIRECTORY: '-',
  };
  expect(container.env.map(({ name }) => name).filter((name) => !(name in env))).toEqual([]);
  const file = `${kubernetesFolder}base/carillon.yaml`;
  const { exitCode, stdout, stderr } = await runCarillon([...command, '--config', file], {
    cwd: kubernetesFolder,
    env,
  });
  return { exitCode, output: stdout + stderr, stdout };
}

/** The effective one, defaults included. */
const config = JSON.parse((await carillon('print-config', '--json')).stdout) as Config;

async function one<T>(path: string, kind: string): Promise<Specified<T>> {
  const resource = only(await readResources(path), kind);
  return { ...resource, spec: resource.spec as T };
}

/** Whether every label that is asked for is there. */
function selects(wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => pod.metadata.labels[name] === value);
}

describe('the kustomizations', () => {
  it('list exactly the files that are beside them', async () => {
    const paths = await kubernetesPaths();
    const kustomizations = paths.filter((path) => basename(path) === 'kustomization.yaml');
    expect(kustomizations.length).toBeGreaterThan(5);
    for (const path of kustomizations) {
      const { resources = [], patches = [], configMapGenerator = [] } = await readYaml<Kustomization>(path);
      const listed = [
        ...resources,
        ...patches.flatMap((patch) => patch.path ?? []),
        ...configMapGenerator.flatMap(({ files }) => files),
      ].filter((file) => !file.startsWith('../'));
      const beside = paths.filter((other) => dirname(other) === dirname(path) && other !== path);
      expect(listed.toSorted(), path).toEqual(beside.map((other) => basename(other)));
    }
  });

  it('make what the pods ask for', async () => {
    const base = await readYaml<Kustomization>('base/kustomization.yaml');
    const [volume] = pod.spec.volumes;
    expect(base.configMapGenerator).toEqual([{ name: volume?.configMap.name, files: ['carillon.yaml'] }]);
    // Where the image looks for it.
    expect(container.volumeMounts).toMatchObject([{ name: volume?.name, mountPath: '/etc/carillon' }]);
    expect((await one('base/service-account.yaml', 'ServiceAccount')).metadata.name).toBe(pod.spec.serviceAccountName);
    const secret = container.env.flatMap(({ valueFrom }) => valueFrom.secretKeyRef ?? []);
    const demo = await readYaml<Kustomization>('overlays/demo/kustomization.yaml');
    expect(demo.secretGenerator).toEqual([
      { name: secret[0]?.name, literals: [`${secret[0]?.key}=redis://redis:6379`] },
    ]);
    // And with it what the comment of the other one tells to type.
    const production = await readFile(`${kubernetesFolder}overlays/production/kustomization.yaml`, 'utf8');
    expect(production).toContain(`secret generic ${secret[0]?.name} --from-literal=${secret[0]?.key}=`);
  });

  it.skipIf(!hasKustomize)('build a demo in which everything is in one namespace', () => {
    const elsewhere = kustomize('overlays/demo').filter(
      ({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace) !== 'carillon',
    );
    expect(elsewhere).toEqual([]);
  });

  it.skipIf(!hasKustomize)('build for production what their comments say', () => {
    const resources = kustomize('overlays/production');
    const { replicas, template } = only(resources, 'Deployment').spec as DeploymentSpec;
    expect(replicas).toBeUndefined();
    expect(template.spec.containers[0].image).toBe('registry.example.com/carillon:0.1.0');
    expect(template.spec.volumes[0]?.configMap.name).toBe(only(resources, 'ConfigMap').metadata.name);
    expect(only(resources, 'Ingress').spec).toMatchObject({
      tls: [{ hosts: ['chat.example.com'] }],
      rules: [{ host: 'chat.example.com' }],
    });
    expect(only(resources, 'NetworkPolicy').spec).toMatchObject({
      egress: [
        { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 6380 }] },
        { ports: [{ port: 53 }, { port: 53 }] },
      ],
    });
  });
});

describe('the resources', () => {
  it('select the pods of the Deployment', async () => {
    const { spec: service } = await one<{ selector: Labels }>('base/service.yaml', 'Service');
    const { spec: budget } = await one<{ selector: { matchLabels: Labels } }>(
      'base/pod-disruption-budget.yaml',
      'PodDisruptionBudget',
    );
    const { spec: policy } = await one<{ podSelector: { matchLabels: Labels } }>(
      'base/network-policy.yaml',
      'NetworkPolicy',
    );
    const { spec: monitor } = await one<{ selector: { matchLabels: Labels } }>(
      'components/pod-monitor/pod-monitor.yaml',
      'PodMonitor',
    );
    const selectors = [
      deployment.selector.matchLabels,
      service.selector,
      budget.selector.matchLabels,
      policy.podSelector.matchLabels,
      monitor.selector.matchLabels,
      ...pod.spec.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels),
    ];
    expect(selectors).toHaveLength(7);
    for (const selector of selectors) {
      expect(Object.keys(selector).length).toBeGreaterThan(0);
      expect(selects(selector)).toBe(true);
    }
  });

  it('name ports that the container has, and those have the numbers of the configuration', async () => {
    const { port, operations } = config;
    expect(container.ports).toEqual([
      { name: 'public', containerPort: port },
      { name: 'operations', containerPort: operations.port },
    ]);
    const { spec: service } = await one<{ ports: readonly { name: string; port: number; targetPort: string }[] }>(
      'base/service.yaml',
      'Service',
    );
    const { spec: policy } = await one<{ ingress: readonly { ports: readonly { port: string }[] }[] }>(
      'base/network-policy.yaml',
      'NetworkPolicy',
    );
    const { spec: monitor } = await one<{ podMetricsEndpoints: readonly { port: string; path: string }[] }>(
      'components/pod-monitor/pod-monitor.yaml',
      'PodMonitor',
    );
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const named = [
      ...service.ports.map(({ targetPort }) => targetPort),
      ...policy.ingress.flatMap(({ ports }) => ports.map((allowed) => allowed.port)),
      ...monitor.podMetricsEndpoints.map((endpoint) => endpoint.port),
      ...[startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.port),
    ];
    expect(named.filter((name) => !portNames.includes(name))).toEqual([]);
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/live',
      '/live',
      '/ready',
    ]);

    for (const controller of ['haproxy', 'nginx']) {
      const { spec: ingress } = await one(`components/ingress-${controller}/ingress.yaml`, 'Ingress');
      const backend = { service: { name: 'carillon', port: { name: service.ports[0]?.name } } };
      expect(ingress).toMatchObject({
        ingressClassName: controller,
        rules: [{ http: { paths: [{ path: '/', backend }] } }],
      });
    }
    const { spec: route } = await one('components/gateway-api/http-route.yaml', 'HTTPRoute');
    expect(route).toMatchObject({ rules: [{ backendRefs: [{ name: 'carillon', port: service.ports[0]?.port }] }] });
  });

  it('let a silent connection live for at least three heartbeats', async () => {
    const texts = await Promise.all(
      ['ingress-haproxy', 'ingress-nginx'].map((name) =>
        readFile(`${kubernetesFolder}components/${name}/ingress.yaml`, 'utf8'),
      ),
    );
    const seconds = texts.flatMap((text) =>
      [...text.matchAll(/(?:timeout tunnel |proxy-(?:read|send)-timeout: ')(\d+)/g)].map(([, number]) =>
        Number(number),
      ),
    );
    expect(seconds).toHaveLength(3);
    for (const one of seconds) expect(one * 1_000).toBeGreaterThan(3 * config.heartbeat.intervalMs);
  });

  it('scale on metrics that Carillon has and the adapter is told of', async () => {
    const { spec } = await one<Metrics>(
      'components/autoscaling/horizontal-pod-autoscaler.yaml',
      'HorizontalPodAutoscaler',
    );
    const { rules } = await readYaml<AdapterValues>('prometheus-adapter/values.yaml');
    const documented = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const told = rules.custom.map(({ seriesQuery, name }) => {
      const series = seriesQuery.split('{')[0] ?? '';
      expect(documented).toContain(`| \`${series}\` |`);
      return name?.as ?? series;
    });
    expect(spec.metrics.map(({ pods }) => pods.metric.name).toSorted()).toEqual(told.toSorted());
  });
});

describe('the configuration of the pods', () => {
  it('passes carillon check', async () => {
    const { exitCode, output } = await carillon('check');
    expect(output).toContain('ok: ');
    expect(exitCode).toBe(0);
  });

  it('has no more workers than the pods ask for cores', async () => {
    expect(config.workers).toBeLessThanOrEqual(Number(container.resources.requests.cpu));
  });

  it('leaves a pod the time that its drain may take', async () => {
    const [command, preStopSeconds] = container.lifecycle.preStop.exec.command;
    expect(command).toBe('sleep');
    const { delay, period } = config.drain;
    // The primary's own steps, after its workers': operations port, TLS certificate, logs.
    const primarySeconds = 9;
    const needed = Number(preStopSeconds) + delay + period + workerStopMs(config) / 1_000 + primarySeconds;
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(needed);
  });
});
