/** Swings an element once, as page.css has it for readers who do not mind motion; one that swings already goes on. */
export function ring(element: Element): void {
  if (document.hidden || element.classList.contains('ringing')) return;
  element.classList.add('ringing');
  const stop = (): void => element.classList.remove('ringing');
  element.addEventListener('animationend', stop, { once: true });
  // Without the animation there is no end to wait for.
  if (getComputedStyle(element).animationName === 'none') stop();
}
