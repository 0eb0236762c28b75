import type { NodeState } from '../log-view-protocol.ts';
import { part } from './part.ts';
import { SeverityTarget } from './severity-target.ts';

const debugLoggerPrefix = 'carillon:';
const readOnlyReason = 'Read only: this view is public, and only viewers who sign in may switch severities.';

/** How long a button waits for what it asked for to be so, in milliseconds. */
const longestBusyMs = 5_000;

/**
 * A button for each severity and debug logger. A button shows what the server last said, never what was asked for:
 * between a press and the server's answer it is busy.
 */
export class SeveritySwitches {
  readonly #group = part('severities', HTMLElement);
  readonly #reason = part('severities-reason', HTMLParagraphElement);
  readonly #onSwitch: (name: string, on: boolean, node: string | undefined) => boolean;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #target: SeverityTarget;
  #canSet = false;

  /** @param onSwitch false: it could not be asked for */
  constructor(onSwitch: (name: string, on: boolean, node: string | undefined) => boolean) {
    this.#onSwitch = onSwitch;
    this.#target = new SeverityTarget(() => {
      this.settle();
      this.#draw();
    });
  }

  /** Those of the node that holds the connection. */
  show(state: Readonly<Record<string, boolean>>, canSet: boolean): void {
    this.#canSet = canSet;
    this.#group.hidden = false;
    this.#reason.hidden = canSet;
    this.#reason.textContent = canSet ? '' : readOnlyReason;
    this.#target.showOwn(state);
    this.#draw();
  }

  showNodes(nodes: readonly NodeState[], own: string): void {
    this.#target.showNodes(nodes, own);
    this.#draw();
  }

  #draw(): void {
    const { state } = this.#target;
    for (const [name, button] of this.#buttons) {
      if (state.has(name)) continue;
      button.remove();
      this.#buttons.delete(name);
    }
    for (const [name, on] of state) {
      const button = this.#buttons.get(name) ?? this.#add(name);
      const pressed = String(on);
      // What was asked for on another node is busy until that one has it.
      if (button.dataset['wanted'] === undefined || button.dataset['wanted'] === pressed) settle(button);
      button.setAttribute('aria-pressed', pressed);
      // Not `disabled`: the button stays reachable, so that its reason can be read.
      button.setAttribute('aria-disabled', String(!this.#canSet));
      const word = on === 'mixed' ? 'written on some nodes' : on ? 'written' : 'not written';
      button.title = this.#canSet ? `${name}: ${word}` : readOnlyReason;
    }
  }

  /** A request was refused, or the connection lost: the buttons show what they showed before. */
  settle(): void {
    for (const button of this.#buttons.values()) settle(button);
  }

  #add(name: string): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = `severity severity-${name.startsWith(debugLoggerPrefix) ? 'logger' : name}`;
    button.dataset['severity'] = name;
    const isLogger = name.startsWith(debugLoggerPrefix);
    button.textContent = isLogger ? name.slice(debugLoggerPrefix.length) : name;
    if (isLogger) button.setAttribute('aria-label', name);
    button.setAttribute('aria-describedby', 'severities-reason');
    button.addEventListener('click', () => this.#press(name, button));
    this.#buttons.set(name, button);
    this.#group.append(button);
    return button;
  }

  #press(name: string, button: HTMLButtonElement): void {
    if (!this.#canSet || button.getAttribute('aria-busy') === 'true') return;
    const on = button.getAttribute('aria-pressed') !== 'true';
    if (!this.#onSwitch(name, on, this.#target.node)) return;
    button.dataset['wanted'] = String(on);
    button.setAttribute('aria-busy', 'true');
    // Another node may have changed its mind, or have gone.
    setTimeout(() => settle(button), longestBusyMs);
  }
}

function settle(button: HTMLButtonElement): void {
  delete button.dataset['wanted'];
  button.removeAttribute('aria-busy');
}
