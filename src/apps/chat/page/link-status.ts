import { part } from './part.ts';
import type { Link } from './session.ts';

/** Says how the connection is. Changes are announced; the countdown is only for the eye. */
export class LinkStatus {
  readonly #box = part('link', HTMLElement);
  readonly #text = part('link-text', HTMLElement);
  readonly #countdown = part('countdown', HTMLElement);
  readonly #tryNow = part('try-now', HTMLButtonElement);
  #tick: ReturnType<typeof setInterval> | undefined;
  #wasOpen = false;
  #link: Link = { state: 'connecting' };

  constructor(retry: (link: Link) => void) {
    this.#tryNow.addEventListener('click', () => retry(this.#link));
  }

  show(link: Link): void {
    this.#link = link;
    clearInterval(this.#tick);
    this.#countdown.textContent = '';
    this.#box.dataset['state'] = link.state === 'connecting' && this.#wasOpen ? 'reconnecting' : link.state;
    this.#tryNow.hidden = link.state !== 'waiting' && link.state !== 'ended';
    const text = this.#words(link);
    // Written only when it differs, so that it is announced once.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (link.state === 'open') this.#wasOpen = true;
    if (link.state === 'waiting') this.#countTo(link.untilMs);
  }

  #words(link: Link): string {
    switch (link.state) {
      case 'connecting':
        return this.#wasOpen ? 'Reconnecting…' : 'Connecting…';
      case 'open':
        return 'Connected';
      case 'waiting':
        return withReason(this.#wasOpen ? 'Connection lost' : 'Cannot connect yet', link.reason);
      case 'ended':
        return withReason('The connection was ended', link.reason);
    }
  }

  #countTo(untilMs: number): void {
    const show = (): void => {
      const seconds = Math.ceil((untilMs - Date.now()) / 1000);
      this.#countdown.textContent = seconds > 0 ? `next try in ${seconds} s` : 'trying…';
    };
    show();
    this.#tick = setInterval(show, 500);
  }
}

function withReason(what: string, reason: string): string {
  return reason === '' ? what : `${what}: ${reason}`;
}
