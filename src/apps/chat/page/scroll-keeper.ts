/** Nearer to the end than this counts as being at the end. CSS pixels. */
const nearEnd = 48;

/**
 * Keeps a scrolled box where its reader wants it: at the end while they are there, else exactly where they are,
 * whatever is added below, removed above, or resized around it.
 */
export class ScrollKeeper {
  readonly #box: HTMLElement;
  readonly #onChange: (atEnd: boolean) => void;
  #atEnd = true;

  constructor(box: HTMLElement, content: HTMLElement, onChange: (atEnd: boolean) => void) {
    this.#box = box;
    this.#onChange = onChange;
    box.addEventListener('scroll', () => this.#look(), { passive: true });
    const observer = new ResizeObserver(() => {
      if (this.#atEnd) this.#scrollToEnd();
    });
    observer.observe(box);
    observer.observe(content);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  toEnd(): void {
    this.#scrollToEnd();
    this.#look();
  }

  /** Runs what adds below and removes above. @param change returns the height that it removed above, in CSS pixels */
  keep(change: () => number): void {
    const wasAtEnd = this.#atEnd;
    const removed = change();
    if (wasAtEnd) this.#scrollToEnd();
    else if (removed > 0) this.#box.scrollTop -= removed;
  }

  #scrollToEnd(): void {
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  #look(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    const atEnd = scrollHeight - scrollTop - clientHeight < nearEnd;
    if (atEnd === this.#atEnd) return;
    this.#atEnd = atEnd;
    this.#onChange(atEnd);
  }
}
