import { AddressBar } from './address-bar.ts';
import { FilterBox } from './filter-box.ts';
import { Figures, lines, written } from './figures.ts';
import { download, downloadName, downloadPieces } from './download.ts';
import { filesNote } from './files-note.ts';
import { compileFilter, type FilterOptions, type LineFilter } from './line-filter.ts';
import { LineList } from './line-list.ts';
import type { Line } from './line-ring.ts';
import { LineStore, shownCaps } from './line-store.ts';
import { LineView, type ViewCriteria } from './line-view.ts';
import { LinkStatus } from './link-status.ts';
import { LogFeed, type LinesOrigin, type LinkState } from './log-feed.ts';
import type { LogFile } from '../log-view-protocol.ts';
import { Origins } from './origins.ts';
import { part } from './part.ts';
import { presentLine, shownText } from './present-line.ts';
import { RateMeter } from './rate-meter.ts';
import { rowElement } from './row-element.ts';
import { readSettings, readSubject, writeSettings, type Settings } from './settings.ts';
import { SeveritySwitches } from './severity-switches.ts';
import { Shortcuts, type ShortcutActions } from './shortcuts.ts';
import { SubjectChoice } from './subject-choice.ts';

/** Milliseconds of a frame that looking at lines may take; drawing needs the rest. */
const frameBudgetMs = 8;

/** Looking at lines right after a change of the filter: long enough that most are done before anything is drawn. */
const changeBudgetMs = 30;

const figuresEveryMs = 500;
const newsDelayMs = 1_000;

/**
 * The page: joins the feed, the store of lines, the view of them and the controls. Lines are stored when they come;
 * everything that is drawn is drawn once per animation frame, so a hidden page stores and draws nothing.
 */
export class LogPage {
  readonly #store = new LineStore();
  readonly #rate = new RateMeter();
  readonly #figures = new Figures();
  readonly #view: LineView;
  readonly #list: LineList;
  readonly #feed: LogFeed;
  readonly #choice: SubjectChoice;
  readonly #filterBox: FilterBox;
  readonly #severities: SeveritySwitches;
  readonly #link: LinkStatus;
  readonly #address = new AddressBar();
  readonly #pauseButton = part('pause', HTMLButtonElement);
  readonly #news = part('news', HTMLElement);
  readonly #lines = part('lines', HTMLElement);
  #settings: Settings = readSettings(() => localStorage);
  #filterOptions: FilterOptions;
  #filter: LineFilter;
  #log: string | undefined;
  #where = '';
  readonly #origins: Origins;
  #filesNote = '';
  /** Serials of lines that are shown whole although they are long. */
  readonly #whole = new Set<number>();
  /** Line to bring back to the top edge once the view has found its place. */
  #returnTo: number | undefined;
  readonly #actions: ShortcutActions = {
    focusFilter: () => this.#filterBox.focus(),
    pause: () => this.#togglePause(),
    end: () => this.#list.jumpToEnd(),
    home: () => this.#list.jumpToStart(),
    wrap: () => this.#set({ wrap: !this.#settings.wrap }),
    pretty: () => this.#set({ pretty: !this.#settings.pretty }),
    clear: () => this.#clear(),
    download: () => this.#download(),
    help: () => part('shortcuts', HTMLDialogElement).showModal(),
  };
  readonly #shortcuts = new Shortcuts(this.#actions);
  #frameRequested = false;
  #newsTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param base the app's URL */
  constructor(base: string) {
    const query = new URLSearchParams(location.search);
    const subject = readSubject(query);
    const { filter: text, regularExpression, matchCase, invert } = subject;
    this.#filterOptions = { text, regularExpression, matchCase, invert };
    const compiled = compileFilter({ ...this.#filterOptions, text: '' });
    if ('problem' in compiled) throw new Error(compiled.problem);
    this.#filter = compiled.filter;
    this.#choice = new SubjectChoice(
      subject.node,
      (log) => this.#feed.watch(log),
      (node) => {
        this.#origins.ofAllNodes = node === undefined;
        this.#showOrigins();
        this.#subjectChanged();
      },
    );
    this.#origins = new Origins(subject.node === undefined);
    this.#view = new LineView(this.#store.shown, this.#criteria());
    this.#list = new LineList({
      scroller: this.#lines,
      source: this.#view,
      usualRows: shownCaps.lines,
      renderRow: (line) => this.#row(line),
      requestFrame: () => this.#requestFrame(),
    });
    this.#severities = new SeveritySwitches((name, on, node) => this.#feed.setSeverity(name, on, node));
    this.#link = new LinkStatus(() => this.#feed.tryNow());
    this.#filterBox = new FilterBox(this.#filterOptions, (options, filter) => {
      this.#filterOptions = options;
      this.#filter = filter;
      this.#subjectChanged();
    });
    const address = new URL(`${base}/connect`, location.href);
    address.search = query.toString();
    this.#feed = new LogFeed(address.href, {
      link: (state) => this.#linked(state),
      logs: (names, where) => this.#welcomed(names, where),
      opened: (log, files) => this.#opened(log, files),
      lines: (from, texts) => this.#took(from, texts),
      severities: (state, canSet) => this.#severities.show(state, canSet),
      nodes: (nodes, own) => {
        this.#choice.showNodes(nodes.map(({ name }) => name));
        this.#severities.showNodes(nodes, own);
      },
      notice: (text) => this.#notice(text),
      problem: (message) => this.#refused(message),
    });
  }

  start(): void {
    this.#listen();
    this.#applySettings();
    this.#filterBox.apply();
    this.#feed.start();
    // Keys that scroll work at once; the ring waits until a key was used.
    this.#lines.focus({ preventScroll: true, focusVisible: false });
    setInterval(() => this.#requestFrame(), figuresEveryMs);
  }

  #listen(): void {
    const press = (id: string, action: () => void): void =>
      part(id, HTMLButtonElement).addEventListener('click', action);
    const actions = this.#actions;
    const shortcutsOn = part('shortcuts-on', HTMLInputElement);
    shortcutsOn.addEventListener('change', () => this.#set({ shortcuts: shortcutsOn.checked }));
    press('pause', actions.pause);
    press('resume', actions.pause);
    press('wrap', actions.wrap);
    press('pretty', actions.pretty);
    press('clear', actions.clear);
    press('download', actions.download);
    press('help', actions.help);
    press('shortcuts-close', () => part('shortcuts', HTMLDialogElement).close());
    press('jump', () => {
      actions.end();
      this.#lines.focus({ preventScroll: true });
    });
    this.#filterBox.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' && event.key !== 'Enter') return;
      if (event.key === 'Escape') this.#filterBox.clear();
      this.#lines.focus({ preventScroll: true });
    });
    this.#lines.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button.more') : null;
      const serial = button?.closest<HTMLElement>('.row')?.dataset['serial'];
      if (serial === undefined) return;
      this.#whole.add(Number(serial));
      this.#list.stay();
      this.#list.redraw();
    });
    document.addEventListener('selectionchange', () => {
      const selection = getSelection();
      if (selection && !selection.isCollapsed && selection.anchorNode && this.#lines.contains(selection.anchorNode))
        this.#list.stay();
    });
    addEventListener('online', () => this.#feed.tryNow());
  }

  #requestFrame(): void {
    if (this.#frameRequested) return;
    this.#frameRequested = true;
    requestAnimationFrame(() => {
      this.#frameRequested = false;
      this.#frame();
    });
  }

  #frame(): void {
    const done = this.#view.advance(frameBudgetMs);
    if (done) this.#comeBack();
    else this.#requestFrame();
    this.#list.render();
    this.#figures.show({
      store: this.#store,
      view: this.#view,
      linesPerSecond: this.#rate.perSecond(performance.now()),
      unseen: this.#list.unseen,
      following: this.#list.following,
      log: this.#log,
      filesNote: this.#filesNote,
    });
  }

  #took({ node, file, live }: LinesOrigin, texts: readonly string[]): void {
    if (live) this.#rate.add(texts.length, performance.now());
    for (const text of texts) this.#store.push({ node, file, text, notice: false });
    this.#choice.sawNode(node);
    if (this.#origins.saw(node, file)) this.#showOrigins();
    this.#requestFrame();
  }

  /** The first lines of another node or file: from now on, or no longer, lines say where they are from. */
  #showOrigins(): void {
    this.#lines.style.setProperty('--origin', `${this.#origins.widthCh}ch`);
    this.#list.redraw();
  }

  #notice(text: string): void {
    const at = new Date().toLocaleTimeString('en-GB');
    this.#store.push({ node: '', file: '', text: `${at} · ${text}`, notice: true });
    this.#tell(text);
    this.#requestFrame();
  }

  #linked(state: LinkState): void {
    this.#link.show(state, this.#where);
    if (state.state !== 'open') this.#severities.settle();
  }

  #welcomed(names: readonly string[], where: string): void {
    this.#where = where;
    this.#link.show({ state: 'open' }, where);
    this.#choice.showLogs(names, this.#log);
    if (names.length === 0) this.#filesNote = 'This server has no logs to show.';
  }

  #opened(log: string, files: readonly LogFile[]): void {
    this.#log = log;
    this.#choice.chooseLog(log);
    this.#origins.restart();
    this.#whole.clear();
    this.#filesNote = filesNote(files);
    this.#store.restart();
    this.#showPause();
    this.#list.jumpToEnd();
    this.#showOrigins();
    this.#subjectChanged();
  }

  /** The refused choice goes back to what is watched. */
  #refused(message: string): void {
    if (this.#log !== undefined) this.#choice.chooseLog(this.#log);
    this.#severities.settle();
    this.#notice(message);
  }

  #subjectChanged(): void {
    this.#restartView();
    const { text, ...options } = this.#filterOptions;
    this.#address.show({ log: this.#log, node: this.#choice.node, filter: text, ...options });
    clearTimeout(this.#newsTimer);
    if (this.#filter.passesAll) return;
    this.#newsTimer = setTimeout(() => {
      this.#tell(`${written(this.#view.length)} of ${lines(this.#store.shown.length)} pass the filter`);
    }, newsDelayMs);
  }

  #restartView(): void {
    this.#returnTo = this.#list.anchorSerial;
    this.#view.restart(this.#criteria());
    this.#view.advance(changeBudgetMs);
    this.#list.reset();
  }

  #comeBack(): void {
    if (this.#returnTo !== undefined && !this.#list.following)
      this.#list.returnTo(this.#view.positionOf(this.#returnTo));
    this.#returnTo = undefined;
  }

  #criteria(): ViewCriteria {
    return {
      node: this.#choice.node,
      filter: this.#filter,
      shownText: ({ text }) => shownText(text, this.#settings.pretty),
    };
  }

  #set(change: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...change };
    // The filter searches what is shown, and that is another text now.
    if (change.pretty !== undefined && !this.#filter.passesAll) this.#restartView();
    writeSettings(() => localStorage, this.#settings);
    this.#applySettings();
  }

  #applySettings(): void {
    const { wrap, pretty, shortcuts } = this.#settings;
    part('wrap', HTMLButtonElement).setAttribute('aria-pressed', String(wrap));
    part('pretty', HTMLButtonElement).setAttribute('aria-pressed', String(pretty));
    this.#list.wrap = wrap;
    this.#shortcuts.charactersOn = shortcuts;
    part('shortcuts-on', HTMLInputElement).checked = shortcuts;
  }

  #togglePause(): void {
    if (this.#store.paused) this.#store.resume();
    else this.#store.pause();
    this.#showPause();
    this.#tell(this.#store.paused ? 'Paused' : 'Resumed');
    this.#requestFrame();
  }

  #showPause(): void {
    this.#pauseButton.setAttribute('aria-pressed', String(this.#store.paused));
  }

  #clear(): void {
    this.#store.clear();
    this.#whole.clear();
    this.#list.jumpToEnd();
    this.#restartView();
    this.#requestFrame();
  }

  #download(): void {
    this.#view.advance(Infinity);
    const text = ({ text }: Line): string => shownText(text, this.#settings.pretty);
    const pieces = downloadPieces(this.#view, (line) => this.#origins.of(line), text);
    download(downloadName(this.#log ?? 'log', new Date()), pieces);
  }

  #row(line: Line): HTMLElement {
    return rowElement(line, presentLine(line.text, this.#settings.pretty), {
      filter: this.#filter,
      wrap: this.#settings.wrap,
      origin: this.#origins.of(line),
      whole: this.#whole.has(line.serial),
    });
  }

  #tell(text: string): void {
    this.#news.textContent = text;
  }
}
