/** Times as the reader's locale writes them. */
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const nearDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const farDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });

/** The server's time where it can be read, else the present. */
export function readTime(at: string | null): Date {
  const date = new Date(at ?? '');
  return Number.isNaN(date.getTime()) ? new Date() : date;
}

export function timeOfDay(date: Date): string {
  return time.format(date);
}

function fullTime(date: Date): string {
  return full.format(date);
}

/** Equal for two times of one local day. */
export function dayKey(date: Date): string {
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** "Today", "Yesterday", or the date. */
export function dayName(date: Date, now: Date = new Date()): string {
  if (dayKey(date) === dayKey(now)) return 'Today';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayKey(date) === dayKey(yesterday)) return 'Yesterday';
  return date.getFullYear() === now.getFullYear() ? nearDay.format(date) : farDay.format(date);
}

/** A <time> element that shows the time of day, and the whole of it on pointing. */
export function timeElement(date: Date): HTMLTimeElement {
  const element = document.createElement('time');
  element.dateTime = date.toISOString();
  element.title = fullTime(date);
  element.textContent = timeOfDay(date);
  return element;
}
