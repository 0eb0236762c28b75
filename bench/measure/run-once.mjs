// One run: a fresh server, fresh clients, one measurement, everything stopped again.
import { Generators } from './generators.mjs';
import { measureFanOut } from './measure-fan-out.mjs';
import { measureIdle } from './measure-idle.mjs';
import { measureStorm } from './measure-storm.mjs';
import { Unavailable } from '../systems/debian-package.mjs';

const measurements = { 'fan-out': measureFanOut, idle: measureIdle, storm: measureStorm };

/** @returns the figures; where it did not work, what went wrong instead; `skipped` where the system does not know this */
export async function runOnce(scenario, system, { execArgv = [], ...options }) {
  let server;
  let generators;
  try {
    server = await system.start(scenario, { execArgv });
    const { rooms, subscribersPerRoom, publishing, rate, burst, window, payload, stalledShare = 0 } = scenario;
    generators = await Generators.start(scenario.generators ?? options.generators, {
      ports: server.ports,
      dialect: system.dialect(scenario),
      rooms,
      subscribersPerRoom,
      publishing,
      rate,
      burst,
      window,
      payload: payload ?? { kind: 'plain', bytes: 128 },
      stalledShare,
      deflate: scenario.server?.deflate ?? false,
    });
    const measured = await measurements[scenario.measure](server, generators, { ...options, scenario });
    return { ok: measured.problems.length === 0, ...measured };
  } catch (error) {
    if (error instanceof Unavailable) return { ok: true, problems: [], skipped: error.message };
    return { ok: false, problems: [error.message] };
  } finally {
    await generators?.[Symbol.asyncDispose]();
    await server?.stop();
  }
}
