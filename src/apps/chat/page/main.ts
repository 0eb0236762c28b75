/** The chat's page. This file only joins the parts; each has a file of its own. */
import type { TextMessage, WelcomeMessage } from '../chat-protocol.ts';
import { readTime, timeOfDay } from './clock.ts';
import { Composer } from './composer.ts';
import { Conversation } from './conversation.ts';
import { LinkStatus } from './link-status.ts';
import { OwnMessage } from './message-row.ts';
import { describeGap, describeMissing } from './missing-notice.ts';
import { NameBar, rememberedName } from './name-bar.ts';
import { Outgoing } from './outgoing.ts';
import { OwnIds } from './own-ids.ts';
import { part } from './part.ts';
import { displayName, tag } from './person.ts';
import { Place } from './place.ts';
import { ring } from './ring.ts';
import { roomNameOf } from './room-name.ts';
import { Roster } from './roster.ts';
import { RosterView } from './roster-view.ts';
import { Session, type Link, type SessionEvents } from './session.ts';
import { Unread } from './unread.ts';

const base = document.querySelector<HTMLMetaElement>('meta[name="carillon-base"]')?.content ?? location.pathname;
const roomName = roomNameOf(base);

part('room', HTMLElement).textContent = roomName;
part('address', HTMLElement).textContent = `${location.host}${base}`;

const unread = new Unread(`${roomName} · Carillon`);
const conversation = new Conversation(unread);
const place = new Place();
const ownIds = new OwnIds();
const roster = new Roster();
const rosterView = new RosterView(roster);
const composer = new Composer((text) => outgoing.say(text));
const nameBar = new NameBar((nick) => session.send({ type: 'nick', nick, ref: 'nick' }));
const session = new Session(socketAddress, sessionEvents());
const outgoing = new Outgoing(session, conversation, refreshRoster);
const linkStatus = new LinkStatus((link) => (link.state === 'ended' ? void session.start() : session.retryNow()));
const renameButton = part('rename', HTMLButtonElement);
/** When the connection was lost; undefined while there is one, and before the first. */
let lostAt: Date | undefined;

/** The remembered name travels with the handshake, so that nobody sees the address first, and so does one's place. */
function socketAddress(): string {
  const url = new URL(`${base}/connect`, location.href);
  const name = rememberedName();
  if (name !== null) url.searchParams.set('nick', name);
  if (place.since !== undefined) url.searchParams.set('since', place.since);
  return url.href;
}

function sessionEvents(): SessionEvents {
  return {
    link: (link) => showLink(link),
    welcome: (welcome) => enterRoom(welcome),
    caughtUp: () => outgoing.connected(),
    message: (message) => {
      switch (message.type) {
        case 'message':
          return hear(message);
        case 'join':
        case 'update':
        case 'leave': {
          const change = roster.apply(message);
          if (change !== undefined) conversation.presence(change, readTime(message.at));
          return showRoster();
        }
        case 'members':
          roster.update(message.members, message.complete);
          return showRoster();
        case 'sent':
          place.sent(message.position);
          return outgoing.sent(message);
        case 'error':
          if (outgoing.refused(message)) return;
          if (message.field === 'nick') nameBar.showProblem(message.message);
          else conversation.notice(message.message);
          return;
        case 'gap':
          conversation.notice(describeGap(message));
          return refreshRoster();
        case 'stale':
          return refreshRoster();
      }
    },
  };
}

function showLink(link: Link): void {
  linkStatus.show(link);
  // Until there was a welcome there is nothing to lose.
  if (roster.ownId === '') return;
  lostAt ??= new Date();
  outgoing.disconnected();
}

function enterRoom(welcome: WelcomeMessage): void {
  const { id, nick, user, address, members, complete } = welcome;
  ownIds.add(id);
  roster.enter({ id, nick, user, address }, members, complete);
  rosterView.showPlace(welcome);
  composer.textBytes = welcome.limits.textBytes;
  linkStatus.show({ state: 'open' });
  takeUp(welcome);
  // Chosen while there was no connection.
  const name = rememberedName();
  if (name !== null && name !== nick) session.send({ type: 'nick', nick: name, ref: 'nick' });
  else if (name === null && user === null) nameBar.askOnce(() => composer.focus());
  showRoster();
}

/** Says what is missing, and shows the room's last messages where they are not here already. */
function takeUp(welcome: WelcomeMessage): void {
  part('no-history', HTMLElement).hidden = welcome.position !== undefined;
  const { history = [] } = welcome;
  if (lostAt === undefined) {
    for (const message of history) show(message, false);
    if (history.length > 0) conversation.markArrival(readTime(welcome.at));
  } else {
    const missing = describeMissing(welcome, timeOfDay(lostAt));
    if (missing !== undefined) conversation.notice(missing);
    for (const message of history) if (place.isAhead(message.position)) show(message);
  }
  lostAt = undefined;
  place.begin(welcome.position);
}

/** @param isNews false: said before this page was opened */
function show(message: TextMessage, isNews = true): void {
  const { from, text, at } = message;
  if (from !== null && ownIds.has(from.id)) {
    if (outgoing.arrived(message)) return;
    // Sent before a reload.
    const own = new OwnMessage(text);
    own.sentAt(readTime(at));
    return conversation.moveToEnd([own]);
  }
  const speech = {
    author: from,
    name: from === null ? 'Another program' : displayName(from),
    tag: from !== null && roster.hasNamesake(from) ? tag(from) : null,
    text,
    at: at === null ? null : readTime(at),
  };
  conversation.hear(speech, isNews);
}

function hear(message: TextMessage): void {
  place.heard(message.position);
  show(message);
  const { from } = message;
  if (from !== null && ownIds.has(from.id)) return;
  ring(part('bell', Element));
  if (from !== null) rosterView.ring(from.id);
}

function showRoster(): void {
  renameButton.textContent = (roster.self?.nick ?? null) === null ? 'Choose a name' : 'Change your name';
  rosterView.refresh();
}

function refreshRoster(): void {
  roster.expectUpdate();
  session.probe();
}

renameButton.addEventListener('click', () => {
  const fromDrawer = rosterView.isOpen;
  rosterView.close();
  nameBar.open(() => (fromDrawer ? composer.focus() : renameButton.focus()));
});

document.addEventListener('keydown', (event) => {
  if (event.isComposing) return;
  if (event.key === 'Escape') {
    if (rosterView.isOpen) rosterView.close();
    else if (nameBar.isOpen) nameBar.close();
    else {
      conversation.toEnd();
      composer.focus();
    }
    return;
  }
  // Typing anywhere is writing a message.
  const isText = event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey;
  const onControl =
    event.target instanceof Element && event.target.closest('input, textarea, button, a, .roster') !== null;
  if (isText && !onControl && !rosterView.isOpen) composer.focus();
});

addEventListener('online', () => session.retryNow());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  session.retryNow();
  if (session.isOpen) refreshRoster();
});

// A field that takes the focus on a phone opens the keyboard over the page.
if (matchMedia('(pointer: fine)').matches) composer.focus();
void session.start();
