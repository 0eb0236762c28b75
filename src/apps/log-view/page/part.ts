/** The element of the page with this id, of the kind expected; a page without it is broken. */
export function part<Kind extends HTMLElement>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(
    `#${id} of the page is ${found === null ? 'missing' : `a <${found.localName}>`}; expected ${kind.name}`,
  );
}
