import { writeSubject, type Subject } from './settings.ts';

/** Browsers limit how often a page may change its address; nobody copies one while typing. */
const delayMs = 300;

/** Keeps the address and the title saying what is looked at, so that a link can be shared. */
export class AddressBar {
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(subject: Subject): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => write(subject), delayMs);
  }
}

function write(subject: Subject): void {
  const query = writeSubject(new URLSearchParams(location.search), subject).toString();
  history.replaceState(null, '', `${location.pathname}${query === '' ? '' : `?${query}`}`);
  document.title = subject.log === undefined ? 'Logs · Carillon' : `${subject.log} · Logs · Carillon`;
}
