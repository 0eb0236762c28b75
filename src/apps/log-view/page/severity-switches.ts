import { part } from './part.ts';

const debugLoggerPrefix = 'carillon:';
const readOnlyReason = 'Read only: this view is public, and only viewers who sign in may switch severities.';

/**
 * A button for each severity and debug logger. A button shows what the server last said, never what was asked for:
 * between a press and the server's answer it is busy.
 */
export class SeveritySwitches {
  readonly #group = part('severities', HTMLElement);
  readonly #reason = part('severities-reason', HTMLParagraphElement);
  readonly #onSwitch: (name: string, on: boolean) => boolean;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #canSet = false;

  /** @param onSwitch false: it could not be asked for */
  constructor(onSwitch: (name: string, on: boolean) => boolean) {
    this.#onSwitch = onSwitch;
  }

  show(state: Readonly<Record<string, boolean>>, canSet: boolean): void {
    this.#canSet = canSet;
    this.#group.hidden = false;
    this.#reason.hidden = canSet;
    this.#reason.textContent = canSet ? '' : readOnlyReason;
    for (const [name, button] of this.#buttons) {
      if (name in state) continue;
      button.remove();
      this.#buttons.delete(name);
    }
    for (const [name, on] of Object.entries(state)) {
      const button = this.#buttons.get(name) ?? this.#add(name);
      button.setAttribute('aria-pressed', String(on));
      button.removeAttribute('aria-busy');
      // Not `disabled`: the button stays reachable, so that its reason can be read.
      button.setAttribute('aria-disabled', String(!canSet));
      button.title = canSet ? `${name}: ${on ? 'written' : 'not written'}` : readOnlyReason;
    }
  }

  /** A request was refused, or the connection lost: the buttons show what they showed before. */
  settle(): void {
    for (const button of this.#buttons.values()) button.removeAttribute('aria-busy');
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
    if (this.#onSwitch(name, button.getAttribute('aria-pressed') !== 'true')) button.setAttribute('aria-busy', 'true');
  }
}
