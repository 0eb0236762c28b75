import type { LinkState } from './log-feed.ts';
import { part } from './part.ts';

/** Says how the connection is. The countdown is for eyes only: announcing every second would talk over everything. */
export class LinkStatus {
  readonly #box = part('link', HTMLElement);
  readonly #text = part('link-text', HTMLParagraphElement);
  readonly #countdown = part('countdown', HTMLElement);
  readonly #tryNow = part('try-now', HTMLButtonElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onTryNow: () => void) {
    this.#tryNow.addEventListener('click', onTryNow);
  }

  show(link: LinkState, detail: string): void {
    clearInterval(this.#timer);
    this.#countdown.textContent = '';
    this.#box.dataset['state'] = link.state;
    this.#tryNow.hidden = link.state !== 'waiting' && link.state !== 'closed';
    this.#say(sentence(link, detail));
    if (link.state !== 'waiting') return;
    const tick = (): void => {
      const seconds = Math.ceil((link.retryAt - Date.now()) / 1_000);
      this.#countdown.textContent = seconds > 0 ? `in ${seconds} s` : 'now';
    };
    tick();
    this.#timer = setInterval(tick, 1_000);
  }

  #say(text: string): void {
    // Setting the same text again would be announced again.
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}

function sentence(link: LinkState, detail: string): string {
  switch (link.state) {
    case 'connecting':
      return 'Connecting…';
    case 'open':
      return detail === '' ? 'Connected' : `Connected to ${detail}`;
    case 'waiting':
      return 'No connection; trying again';
    case 'closed':
      return `Disconnected: ${link.reason}`;
  }
}
