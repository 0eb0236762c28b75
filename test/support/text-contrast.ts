import type { Page } from 'playwright-core';

export interface PoorContrast {
  readonly text: string;
  readonly colour: string;
  readonly background: string;
  readonly ratio: number;
}

/**
 * Visible text of a page whose colour stands out too little from what is behind it: below 4.5:1, or 3:1 where it is
 * large (WCAG 2.2, 1.4.3). Takes the nearest opaque background among the ancestors.
 */
export function poorContrast(page: Page): Promise<readonly PoorContrast[]> {
  return page.evaluate(() => {
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const channels = (colour: string): readonly number[] => {
      if (context === null) return [];
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colour: string): number => {
      const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const backgroundOf = (element: Element): string => {
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (channels(backgroundColor)[3] === 255) return backgroundColor;
      }
      return 'white';
    };
    const poor: { text: string; colour: string; background: string; ratio: number }[] = [];
    const check = (element: Element, text: string, colour: string): void => {
      const { fontSize, fontWeight } = getComputedStyle(element);
      const background = backgroundOf(element);
      const [one, two] = [luminance(colour), luminance(background)];
      const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
      const size = Number.parseFloat(fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) poor.push({ text, colour, background, ratio });
    };
    for (const element of document.body.querySelectorAll('*')) {
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const text = [...element.childNodes]
        .filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => node.textContent?.trim())
        .join('');
      if (text !== '') check(element, text, getComputedStyle(element).color);
      if (element.hasAttribute('placeholder')) {
        check(element, element.getAttribute('placeholder') ?? '', getComputedStyle(element, '::placeholder').color);
      }
    }
    return poor;
  });
}
