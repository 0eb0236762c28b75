/** How a member is shown: name, distinction among namesakes, colour, initial. */
import type { Member } from '../chat-protocol.ts';

/** Number of `.tone-N` classes in page.css. */
const tones = 8;

/** The nickname, else the authenticated user, else the address. */
export function displayName(member: Member): string {
  return member.nick ?? member.user ?? member.address ?? 'unknown';
}

/** Three characters that tell namesakes apart: the same on every page, different for nearly every connection. */
export function tag(member: Member): string {
  return hash(member.id).toString(36).padStart(3, '0').slice(-3);
}

/** Class of the person's colour. By name, where one was chosen, so that it outlives a reconnect. */
export function toneClass(member: Member): string {
  const key = member.nick ?? member.user ?? member.id;
  return `tone-${hash(key) % tones}`;
}

/** First character of the name, as a reader counts characters. */
function initial(member: Member): string {
  const name = member.nick ?? member.user;
  if (name === null) return '·';
  const [first] = new Intl.Segmenter().segment(name);
  return (first?.segment ?? '·').toLocaleUpperCase();
}

/** An ornament in the person's colour; says nothing to a screen reader that the name does not. */
export function avatar(member: Member | null): HTMLElement {
  const element = document.createElement('span');
  element.className = member === null ? 'avatar program' : `avatar ${toneClass(member)}`;
  element.setAttribute('aria-hidden', 'true');
  element.textContent = member === null ? '⌁' : initial(member);
  return element;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
