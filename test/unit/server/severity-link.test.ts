import { describe, expect, it } from 'vitest';
import { Severities } from '../../../src/lib/severities.ts';
import { followSeverities } from '../../../src/server/severity-link.ts';
import type { FromWorker } from '../../../src/server/worker-messages.ts';

describe('severity link', () => {
  it('sends what was switched, and only that', () => {
    const sent: FromWorker[] = [];
    const severities = new Severities();
    followSeverities(severities, (message) => sent.push(message));
    severities.set({ debug: true, error: true });
    expect(sent).toEqual([{ type: 'severities', change: { debug: true } }]);
  });

  it('takes over the state of the primary without sending it back', () => {
    const sent: FromWorker[] = [];
    const severities = new Severities();
    const link = followSeverities(severities, (message) => sent.push(message));
    link.apply({ ...severities.state, warn: false });
    expect(severities.isOn('warn')).toBe(false);
    severities.set({ info: false });
    expect(sent).toEqual([{ type: 'severities', change: { info: false } }]);
  });
});
