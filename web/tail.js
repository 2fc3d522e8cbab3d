// The table of the last queries: newest first, filtered here, paused when somebody reads.

import { byId, el, say } from './dom.js';
import { count, moment, time, took } from './format.js';

const KEPT = 1000;
const SHOWN = 150;
const KINDS = {
  forwarded: 'answered', cached: 'answered', local: 'answered', blocked: 'blocked',
  failed: 'problem', refused: 'problem', malformed: 'problem', dropped: 'problem',
  stale: 'answered', special: 'answered', rebind: 'blocked', limited: 'problem', bogus: 'problem',
};
const LABELS = {
  forwarded: 'Forwarded', cached: 'Cached', local: 'Local', blocked: 'Blocked',
  failed: 'Failed', refused: 'Refused', malformed: 'Malformed', dropped: 'Dropped',
  stale: 'Stale', special: 'Special', rebind: 'Rebinding', limited: 'Limited', bogus: 'Bogus',
};
const MEANINGS = {
  forwarded: 'An upstream answered.',
  cached: 'The answer was still in the cache.',
  local: 'Mirage Hole answered by itself.',
  blocked: 'A rule of a list blocks this name.',
  failed: 'No upstream gave a usable answer.',
  refused: 'This client may not ask.',
  malformed: 'The query could not be understood.',
  dropped: 'The query got no answer: an unknown client, or more at once than the bounds permit.',
  stale: 'No upstream answered, so an older answer was given.',
  special: 'A name that never leaves this network, or a question about this server.',
  rebind: 'The answer from outside led to a private address, so it was taken away.',
  limited: 'This client asks more than it may.',
  bogus: 'The answer did not pass DNSSEC validation.',
};

export class Tail {
  /** `check(name)` is called to explain a name. */
  constructor(check) {
    this.check = check;
    this.rows = []; // the newest first
    this.waiting = [];
    this.filter = '';
    this.kind = 'all';
    this.paused = false;
    this.open = null; // number of the row whose details are shown
    this.listen = [];
    this.complete = false;
    this.body = byId('rows');
    byId('pause').addEventListener('click', () => this.pause(!this.paused));
    byId('filter').addEventListener('input', (event) => this.search(event.target.value, false));
    byId('outcome').addEventListener('change', (event) => this.narrow(event.target.value));
    this.body.addEventListener('click', (event) => this.clicked(event));
  }

  /** Another run of the server: its numbers begin again. */
  restart(listen) {
    this.listen = listen;
    this.rows = [];
    this.waiting = [];
    this.complete = false;
    this.open = null;
    this.draw();
  }

  add({ queries, skipped }) {
    const fresh = queries.slice().reverse();
    if (this.paused) {
      this.waiting = fresh.concat(this.waiting).slice(0, KEPT);
      this.missed = (this.missed ?? 0) + queries.length + skipped;
      this.note();
      return;
    }
    this.skipped = skipped;
    const first = !this.rows.length;
    this.merge(fresh);
    const shown = fresh.filter((row) => this.matches(row));
    if (shown.length) {
      this.body.prepend(...shown.slice(0, SHOWN).map((row) => this.line(row, !first)));
      while (this.body.childElementCount > SHOWN) this.body.lastElementChild.remove();
    }
    this.note();
  }

  merge(fresh) {
    this.rows = fresh.concat(this.rows).slice(0, KEPT);
  }

  pause(paused, reading = false) {
    this.paused = paused;
    this.reading = paused && reading;
    const button = byId('pause');
    button.setAttribute('aria-pressed', String(paused));
    button.textContent = paused ? 'Resume' : 'Pause';
    if (!paused) {
      this.merge(this.waiting);
      this.waiting = [];
      this.missed = 0;
      this.open = null;
      this.draw();
    }
    this.note();
  }

  narrow(kind) {
    this.kind = kind;
    this.redraw();
  }

  search(text, typed = true) {
    this.filter = text.trim().toLowerCase();
    if (typed) {
      byId('filter').value = text;
      byId('queries').scrollIntoView({ block: 'start' });
      byId('filter').focus({ preventScroll: true });
    }
    this.redraw();
  }

  /** Something else is looked for, so what was read is read no longer. */
  redraw() {
    this.open = null;
    if (this.reading) this.pause(false);
    else this.draw();
    this.fetchMore();
  }

  /** A filter looks further back than the page has listened. */
  async fetchMore() {
    if (this.complete || (!this.filter && this.kind === 'all')) return;
    this.complete = true;
    try {
      const answer = await fetch('/api/v1/queries?limit=1000');
      if (!answer.ok) throw new Error(answer.statusText);
      const { queries } = await answer.json();
      const known = new Set([...this.rows, ...this.waiting].map((row) => row.number));
      const newest = this.rows[0]?.number ?? Infinity;
      const older = queries.filter((row) => !known.has(row.number) && row.number < newest);
      this.rows = this.rows.concat(older).sort((one, other) => other.number - one.number).slice(0, KEPT);
      this.draw();
    } catch {
      this.complete = false; // the next filter tries again
    }
  }

  matches(row) {
    return (this.kind === 'all' || KINDS[row.outcome] === this.kind)
      && (!this.filter || row.name.toLowerCase().includes(this.filter) || row.client.includes(this.filter));
  }

  draw() {
    const shown = this.rows.filter((row) => this.matches(row)).slice(0, SHOWN);
    this.body.replaceChildren(...shown.map((row) => this.line(row, false)));
    this.note();
  }

  note() {
    const nothing = !this.body.childElementCount;
    byId('tail').hidden = nothing;
    byId('empty').hidden = !nothing;
    if (nothing) this.empty();
    const parts = [];
    if (this.paused) {
      parts.push(this.reading ? 'Paused while you read' : 'Paused');
      if (this.missed) parts.push(`${count(this.missed)} new`);
    } else if (this.skipped) parts.push(`Busy: ${count(this.skipped)} queries more than are shown here`);
    say(byId('tail-note'), parts.join(' · '));
  }

  empty() {
    const box = byId('empty');
    const state = `${this.rows.length > 0}${this.listen.join()}`;
    if (box.dataset.state === state) return;
    box.dataset.state = state;
    if (this.rows.length) {
      box.replaceChildren(
        el('p', {}, 'No recent query matches.'),
        el('button', { type: 'button', onclick: () => this.clear() }, 'Show all queries'));
      return;
    }
    box.replaceChildren(
      el('p', { className: 'big' }, 'No queries yet'),
      el('p', {}, 'Ask for something, and it shows up here at once:'),
      ...this.listen.slice(0, 2).map((address) => el('p', {}, el('code', {}, dig(address)))),
      el('p', { className: 'note' }, 'Then make this machine the DNS server of your router or of one device.'));
  }

  clear() {
    byId('outcome').querySelector('input').checked = true;
    this.kind = 'all';
    this.search('');
  }

  line(row, fresh) {
    const cell = (className, ...children) => el('td', { role: 'cell', className }, ...children);
    const line = el('tr', { role: 'row', className: `is-${KINDS[row.outcome]}${fresh ? ' fresh' : ''}` },
      cell('time', el('time', { dateTime: new Date(row.at * 1000).toISOString() }, time(row.at))),
      cell('outcome', el('span', { className: 'badge' }, LABELS[row.outcome] ?? row.outcome)),
      cell('name', el('button', { type: 'button', className: 'more', 'aria-expanded': 'false', title: row.name }, row.name)),
      cell('type', row.type),
      cell('client', row.client),
      cell('why', why(row)),
      cell('took right', took(row.duration_ms)));
    line.row = row;
    return line;
  }

  clicked(event) {
    const line = event.target.closest('tr');
    if (!line?.row || getSelection().toString()) return;
    this.toggle(line);
  }

  toggle(line) {
    const opens = this.open !== line.row.number;
    for (const old of this.body.querySelectorAll('tr.details')) old.remove();
    for (const button of this.body.querySelectorAll('[aria-expanded=true]')) button.setAttribute('aria-expanded', 'false');
    this.open = opens ? line.row.number : null;
    if (!opens) {
      if (this.reading) this.pause(false);
      return;
    }
    if (!this.paused) this.pause(true, true);
    line.querySelector('.more').setAttribute('aria-expanded', 'true');
    line.after(this.details(line.row));
  }

  details(row) {
    const facts = [
      ['Name', row.name],
      ['Asked', `${moment(row.at)}, ${row.type}, ${row.transport.toUpperCase()}, by ${row.client}`],
      ['Outcome', `${LABELS[row.outcome] ?? row.outcome}, ${row.rcode}. ${MEANINGS[row.outcome] ?? ''}`],
    ];
    if (row.list !== null) facts.push([row.outcome === 'blocked' ? 'Blocked by' : 'Allowed by', row.list], ['Rule', rule(row)]);
    if (row.upstream !== null) facts.push(['Upstream', row.upstream]);
    facts.push(['Took', row.duration_ms ? took(row.duration_ms) : 'no time: the answer was ready']);
    if (row.outcome === 'blocked') facts.push(['To allow it', `put ${row.name} into a file and start with --allowlist FILE`]);
    const act = (label, action) => el('button', { type: 'button', onclick: action }, label);
    return el('tr', { role: 'row', className: 'details' },
      el('td', { role: 'cell', colSpan: 7 },
        el('dl', {}, ...facts.flatMap(([term, text]) => [el('dt', {}, term), el('dd', {}, text)])),
        el('p', { className: 'actions' },
          this.check ? act('Every rule for this name', () => this.check(row.name)) : null,
          act('Only this name', () => this.only(row.name)),
          act('Only this client', () => this.only(row.client)))));
  }

  only(text) {
    this.pause(false);
    this.search(text);
  }
}

function why(row) {
  if (row.outcome === 'blocked') return row.list ?? 'a rule';
  if (row.list !== null) return `${row.outcome === 'local' ? 'answered' : 'allowed'} by ${row.list}`;
  if (row.upstream !== null) return row.upstream;
  if (KINDS[row.outcome] === 'problem' || row.rcode !== 'NOERROR') return row.rcode;
  return { cached: 'from the cache', local: 'answered here' }[row.outcome] ?? '';
}

function rule(row) {
  const names = { subtree: ' and every name below it', below: ': every name below it' }[row.scope] ?? '';
  return `${row.rule}${names}${row.line === null ? '' : `, line ${count(row.line)} of the list`}`;
}

function dig(address) {
  const at = address.lastIndexOf(':');
  let host = address.slice(0, at).replace(/^\[|\]$/g, '');
  if (host === '0.0.0.0') host = '127.0.0.1';
  if (host === '::') host = '::1';
  const port = address.slice(at + 1);
  return `dig @${host}${port === '53' ? '' : ` -p ${port}`} doubleclick.net`;
}
