// The cards, the top lists, the lists and the upstreams.

import { byId, el, say } from './dom.js';
import { ago, compact, count, hour, rate, share } from './format.js';

const LIST_STATES = {
  live: (past) => (past ? `Updated ${past}` : 'Loaded'),
  old: (past) => (past ? `Copy of ${past}` : 'Older copy'),
  held: () => 'Older copy, the new one waits',
  missing: () => 'Not loaded',
  loading: () => 'Loading…',
};
const ENDS = [
  ['forwarded', 'Forwarded', 'answered'], ['cached', 'Cached', 'answered'], ['local', 'Local', 'answered'],
  ['blocked', 'Blocked', 'blocked'], ['failed', 'Failed', 'problem'], ['refused', 'Refused', 'problem'],
  ['malformed', 'Malformed', 'problem'], ['dropped', 'Dropped', 'problem'],
  ['stale', 'Stale', 'answered'], ['special', 'Special', 'answered'], ['limited', 'Limited', 'problem'],
  ['bogus', 'Bogus', 'problem'], ['rebind', 'Rebinding', 'blocked'],
];

export class Panels {
  /** `search(text)` is called when a name or a client of a top list is chosen. */
  constructor(search, now) {
    this.search = search;
    this.now = now;
    this.samples = [];
    this.lists = [];
  }

  counts({ totals, day, policy, workers, upstreams, records_dropped: dropped }) {
    this.queries = totals.queries;
    this.tick();
    say(byId('n-queries'), count(day.queries));
    say(byId('n-blocked'), count(day.blocked));
    say(byId('n-share'), share(day.blocked, day.queries));
    sized(byId('n-meter'), day.queries ? day.blocked / day.queries : 0);
    say(byId('n-blocked-note'), dropped ? `${count(dropped)} records were lost` : 'last 24 hours');
    say(byId('n-names'), policy ? count(policy.names) : '–');
    this.health(workers);
    this.upstreams(upstreams);
    this.ends(totals);
  }

  /** Outcomes that occurred, those of everyday life always. */
  ends(totals) {
    const rows = ENDS.map(([key, label, kind]) => ({ label, kind, queries: totals[key] })).filter((row, at) => row.queries || at < 4);
    const most = Math.max(1, ...rows.map((row) => row.queries));
    fill(byId('ended'), rows, '', (row) =>
      el('li', { className: `is-${row.kind}` },
        el('span', {}, row.label),
        el('span', { className: 'track', 'aria-hidden': 'true' }, sized(el('i'), row.queries ? Math.max(0.02, row.queries / most) : 0)),
        el('span', { className: 'value' }, compact(row.queries)),
        el('span', { className: 'detail value' }, share(row.queries, totals.queries))));
  }

  /** The present rate, from what was counted in the last ten seconds. */
  tick() {
    if (this.queries === undefined) return;
    const now = performance.now() / 1000;
    if (this.samples.length && this.samples.at(-1).queries > this.queries) this.samples = [];
    this.samples.push({ now, queries: this.queries });
    while (this.samples.length > 2 && this.samples[0].now < now - 10) this.samples.shift();
    const first = this.samples[0];
    if (now - first.now > 1) say(byId('n-rate'), rate((this.queries - first.queries) / (now - first.now)));
  }

  health(workers) {
    const answering = workers.filter((worker) => worker.healthy);
    if (!answering.length) pill('bad', 'Nobody answers queries');
    else if (answering.some((worker) => worker.paused)) pill('paused', 'Blocking is paused');
    else pill('good', 'Protecting');
  }

  upstreams(upstreams) {
    fill(byId('upstreams'), upstreams, 'No upstream is known yet.', (upstream) =>
      el('li', { className: upstream.healthy ? 'good' : 'bad' },
        el('span', { className: 'title' }, upstream.address),
        el('span', { className: 'value' }, upstream.rtt_ms === null ? '–' : `${upstream.rtt_ms.toFixed(upstream.rtt_ms < 10 ? 1 : 0)} ms`),
        el('span', { className: 'detail' },
          `${upstream.loops ? 'Leads back here' : upstream.healthy ? 'Answers' : 'Resting after failures'} · ${count(upstream.answered)} of ${count(upstream.sent)} answered`)));
  }

  showLists(lists) {
    this.lists = lists;
    const rules = lists.filter((list) => list.kind === 'block').length;
    say(byId('n-lists'), lists.length ? `on ${rules} ${rules === 1 ? 'list' : 'lists'}` : 'no list yet');
    fill(byId('lists'), lists, 'No list is configured. Start with --blocklist and a URL, a file or a catalogue name.', (list) => this.list(list));
  }

  list(list) {
    const past = list.last_success === null ? '' : ago(list.last_success, this.now());
    const parts = [LIST_STATES[list.state]?.(past) ?? list.state];
    if (list.kind === 'allow') parts.push('allows');
    if (list.complaints) parts.push(`${count(list.complaints)} skipped`);
    if (list.doing === 'compiling') parts.push('compiling…');
    else if (list.doing) parts.push(list.total ? `downloading, ${share(list.received, list.total)}` : 'downloading…');
    return el('li', { className: { live: 'good', loading: 'waiting', old: 'paused', held: 'paused' }[list.state] ?? 'bad' },
      el('span', { className: 'title', title: list.source }, list.title),
      el('span', { className: 'value', title: `${count(list.rules)} rules` }, compact(list.rules)),
      el('span', { className: 'detail', title: `${count(list.complaints)} lines of it are no rule` }, parts.join(' · ')),
      el('span', { className: 'value small', title: 'queries that this list decided' }, list.decided ? `${compact(list.decided)} ${list.decided === 1 ? 'hit' : 'hits'}` : ''),
      list.error || list.held ? el('span', { className: 'error' }, list.error || list.held) : null);
  }

  top({ since, names, blocked, clients, client_count: known, client_count_exact: exact }) {
    const text = `since ${hour(since)}`;
    for (const element of document.querySelectorAll('[data-since]')) say(element, text);
    say(byId('n-clients'), `${count(known)}${exact ? '' : '+'}`);
    say(byId('n-clients-note'), text);
    const row = (label, row, largest, note, blocked = 0) =>
      el('li', {},
        bar(row.queries / largest, blocked),
        el('button', { type: 'button', className: 'name', title: `${label}: show its queries`, onclick: () => this.search(label) }, label),
        el('span', { className: 'value' }, `${row.uncertainty ? '≈ ' : ''}${compact(row.queries)}`),
        note ? el('span', { className: 'detail', title: `${note} blocked` }, note, el('span', { className: 'unseen' }, ' blocked')) : null);
    const most = (rows) => Math.max(1, ...rows.map((one) => one.queries));
    fill(byId('top-names'), names, 'Nothing was answered yet.', (one) => row(one.name, one, most(names)));
    fill(byId('top-blocked'), blocked, 'Nothing was blocked yet.', (one) => row(one.name, one, most(blocked)));
    fill(byId('top-clients'), clients, 'Nobody asked yet.', (one) =>
      row(one.client, one, most(clients), share(one.blocked, one.queries), one.blocked / one.queries));
  }
}

function pill(state, text) {
  const element = byId('health');
  element.dataset.state = state;
  say(element, text);
}

/** A bar of `part` of the row, of which `blocked` is in the colour of blocked queries. */
function bar(part, blocked) {
  const full = sized(el('i', { className: 'level', 'aria-hidden': 'true' }), Math.max(0.01, part));
  if (blocked) full.append(sized(el('i', { className: 'is-blocked' }), blocked));
  full.append(el('i', { className: 'rest' }));
  return full;
}

function sized(element, part) {
  element.style.width = `${part * 100}%`;
  return element;
}

/** Replaces a list's items, unless nothing changed or somebody has the focus in it. */
function fill(list, rows, nothing, make) {
  const state = JSON.stringify(rows);
  if (list.dataset.state === state || (list.contains(document.activeElement) && list.childElementCount)) return;
  list.dataset.state = state;
  list.replaceChildren(...(rows.length ? rows.map(make) : [el('li', { className: 'nothing' }, nothing)]));
}
