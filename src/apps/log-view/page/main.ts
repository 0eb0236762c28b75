import { LogPage } from './log-page.ts';

const base = document.querySelector<HTMLMetaElement>('meta[name="carillon-base"]')?.content ?? '';
new LogPage(base).start();
