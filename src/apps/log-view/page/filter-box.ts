import { compileFilter, type FilterOptions, type LineFilter } from './line-filter.ts';
import { part } from './part.ts';

const switches = { matchCase: 'match-case', regularExpression: 'regular-expression', invert: 'invert' } as const;
type Switch = keyof typeof switches;

/** The filter's field and its three switches. An expression that is not valid (yet) leaves the last valid one in force. */
export class FilterBox {
  readonly #box = part('filter-box', HTMLElement);
  readonly #field = part('filter', HTMLInputElement);
  readonly #clear = part('filter-clear', HTMLButtonElement);
  readonly #problem = part('filter-problem', HTMLParagraphElement);
  readonly #onChange: (options: FilterOptions, filter: LineFilter) => void;
  #options: FilterOptions;

  constructor(options: FilterOptions, onChange: (options: FilterOptions, filter: LineFilter) => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#field.value = options.text;
    this.#field.addEventListener('input', () => this.#set({ text: this.#field.value }));
    this.#clear.addEventListener('click', () => {
      this.clear();
      this.focus();
    });
    for (const name of Object.keys(switches) as Switch[]) {
      part(switches[name], HTMLButtonElement).addEventListener('click', () =>
        this.#set({ [name]: !this.#options[name] }),
      );
    }
  }

  get element(): HTMLInputElement {
    return this.#field;
  }

  focus(): void {
    this.#field.focus();
    this.#field.select();
  }

  clear(): void {
    this.#field.value = '';
    this.#set({ text: '' });
  }

  /** Shows the present options and reports the filter they make. */
  apply(): void {
    for (const name of Object.keys(switches) as Switch[]) {
      part(switches[name], HTMLButtonElement).setAttribute('aria-pressed', String(this.#options[name]));
    }
    this.#box.classList.toggle('in-use', this.#options.text !== '');
    this.#clear.hidden = this.#options.text === '';
    const compiled = compileFilter(this.#options);
    const problem = 'problem' in compiled ? compiled.problem : undefined;
    this.#field.setAttribute('aria-invalid', String(problem !== undefined));
    this.#problem.hidden = problem === undefined;
    this.#problem.textContent = problem === undefined ? '' : `Not a regular expression yet: ${problem}`;
    if ('filter' in compiled) this.#onChange(this.#options, compiled.filter);
  }

  #set(change: Partial<FilterOptions>): void {
    this.#options = { ...this.#options, ...change };
    this.apply();
  }
}
