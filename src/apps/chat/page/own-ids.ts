const key = 'carillon.chat.own';
/** Connections that this tab remembers having had. */
const mostIds = 50;

/**
 * The member ids that this page has had, those from before a reload included: what they said, the reader said. The
 * server gives the ids, so nobody can pretend.
 */
export class OwnIds {
  readonly #ids: Set<string>;

  constructor() {
    this.#ids = new Set(recall());
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    for (const oldest of this.#ids) {
      if (this.#ids.size <= mostIds) break;
      this.#ids.delete(oldest);
    }
    try {
      sessionStorage.setItem(key, JSON.stringify([...this.#ids]));
    } catch {
      // Storage may be switched off; then a reload forgets who said what.
    }
  }
}

function recall(): string[] {
  try {
    const ids: unknown = JSON.parse(sessionStorage.getItem(key) ?? '[]');
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}
