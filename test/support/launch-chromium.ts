import { chromium, type Browser } from 'playwright-core';

/** Debian's Chromium without a display; close it in the test. `CARILLON_CHROMIUM` names another binary. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CARILLON_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
