import type { WelcomeMessage } from '../chat-protocol.ts';
import { part } from './part.ts';
import { avatar, displayName, tag } from './person.ts';
import { ring } from './ring.ts';
import type { Roster } from './roster.ts';

/** The list of who is here: a column on wide windows, a drawer on narrow ones. */
export class RosterView {
  readonly #roster: Roster;
  readonly #list = part('members', HTMLUListElement);
  readonly #panel = part('roster', HTMLElement);
  readonly #opener = part('roster-open', HTMLButtonElement);
  readonly #closer = part('roster-close', HTMLButtonElement);
  /** What is behind the drawer: out of reach while it is open. */
  readonly #behind = [part('top', HTMLElement), part('talk', HTMLElement)];
  #scheduled = false;

  constructor(roster: Roster) {
    this.#roster = roster;
    this.#opener.addEventListener('click', () => this.open());
    this.#closer.addEventListener('click', () => this.close());
    part('scrim', HTMLElement).addEventListener('click', () => this.close());
    // A window that grows shows the column again.
    matchMedia('(max-width: 54rem)').addEventListener('change', () => this.close());
  }

  get isOpen(): boolean {
    return document.body.classList.contains('roster-open');
  }

  open(): void {
    this.#setOpen(true);
    this.#closer.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#setOpen(false);
    this.#opener.focus();
  }

  /** Shows the roster as it is, once per frame. */
  refresh(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#show();
    }, 16);
  }

  showPlace({ node, worker, address }: WelcomeMessage): void {
    const place = worker === 0 ? node : `worker ${worker} of ${node}`;
    part('where', HTMLElement).textContent = `You are ${address}, connected to ${place}.`;
  }

  /** Lets the bell of who just spoke ring. */
  ring(id: string): void {
    const bell = this.#list.querySelector(`li[data-id="${CSS.escape(id)}"] .avatar`);
    if (bell !== null) ring(bell);
  }

  #setOpen(open: boolean): void {
    document.body.classList.toggle('roster-open', open);
    this.#opener.setAttribute('aria-expanded', String(open));
    for (const element of this.#behind) element.inert = open;
    if (open) {
      this.#panel.setAttribute('role', 'dialog');
      this.#panel.setAttribute('aria-modal', 'true');
    } else {
      this.#panel.removeAttribute('role');
      this.#panel.removeAttribute('aria-modal');
    }
  }

  #show(): void {
    const { complete, count, ownId } = this.#roster;
    const number = complete ? String(count) : `${count}+`;
    part('roster-count', HTMLElement).textContent = number;
    part('roster-open-count', HTMLElement).textContent = number;
    const more = part('more', HTMLElement);
    more.hidden = complete;
    more.textContent = complete ? '' : 'There are more; the list names some of them.';
    const shared = this.#roster.sharedNames();
    const items = this.#roster.sorted().map((member) => {
      const item = document.createElement('li');
      item.dataset['id'] = member.id;
      const who = document.createElement('span');
      who.className = 'who';
      const displayed = displayName(member);
      who.append(words('name', displayed));
      if (shared.has(displayed)) who.append(words('tag', `#${tag(member)}`));
      if (member.id === ownId) who.append(' ', words('you', 'you'));
      if (member.address !== null && member.address !== displayed) who.append(words('from', member.address));
      item.append(avatar(member), who);
      return item;
    });
    this.#list.replaceChildren(...items);
  }
}

function words(className: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}
