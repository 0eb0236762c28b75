// What happens in the chat while the test does something to the gateways.
import { setTimeout as delay } from 'node:timers/promises';

const sayEveryMs = 250;
const settleMs = 60_000;

/** Resolves when a condition holds; fails, naming it, where it does not in time. */
export async function until(what, timeoutMs, condition) {
  const deadline = performance.now() + timeoutMs;
  let why = '';
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      why = `: ${error.message}`;
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}${why}`);
    await delay(200);
  }
}

/** @returns those on a node, with how often they had come back `before` */
export function membersOn(members, node) {
  return members.filter((member) => member.node === node).map(({ returns }) => ({ returns, before: returns.length }));
}

/** The room as a whole: from `start` on somebody says something all the time. */
export function chattering(members) {
  const said = [];
  let timer;
  /** Who came later does not know what was said before. */
  let firstComers = [];

  const say = (text) => {
    said.push(text);
    return members[said.length % members.length].say(text);
  };

  return {
    start() {
      firstComers = [...members];
      timer = setInterval(() => void say(`line ${said.length + 1}`), sayEveryMs);
      timer.unref();
    },

    /** Each of them says something that all the others hear. */
    async heardByAll(text) {
      const lines = members.map((_, index) => `${text}, ${said.length + 1}/${index}`);
      said.push(...lines);
      for (const [index, line] of lines.entries()) void members[index].say(line);
      await until(`everybody has heard "${text}"`, settleMs, () =>
        members.every(({ texts }) => lines.every((line) => texts.includes(line))),
      );
    },

    /** Ends the talking; everybody who was there from the beginning has everything that was said, once, in one order. */
    async judge() {
      clearInterval(timer);
      await until('everything has been heard', settleMs, () =>
        firstComers.every(({ known }) => known.size >= said.length),
      );
      const complaints = members.flatMap((member) => member.complaints);
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
      const [one] = firstComers;
      for (const member of firstComers) {
        if (member.texts.join('\n') !== one.texts.join('\n')) throw new Error('members know different things');
      }
      const counts = new Map();
      for (const text of one.texts) counts.set(text, (counts.get(text) ?? 0) + 1);
      const missing = said.filter((text) => counts.get(text) !== 1);
      if (missing.length > 0) throw new Error(`not once: ${missing.join(', ')}`);
      const returns = members.flatMap((member) => member.returns).length;
      return `${said.length} messages to ${firstComers.length} members, ${returns} returns`;
    },
  };
}
