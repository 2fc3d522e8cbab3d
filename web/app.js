// Puts the page together: the stream tells what happened, the parts show it.

import { Chart, Series } from './chart.js';
import { byId, say } from './dom.js';
import { enter, look } from './login.js';
import { Panels } from './panels.js';
import { Stream } from './stream.js';
import { Tail } from './tail.js';
import { explain } from './verdict.js';

let ahead = 0; // seconds by which the server's clock is ahead of this one
const now = () => Date.now() / 1000 + ahead;

const series = new Series();
const chart = new Chart(series);
const tail = new Tail(explain);
const panels = new Panels((text) => tail.search(text), now);
let boot = null;

await enter();

const stream = new Stream({
  hello(hello) {
    ahead = hello.now - Date.now() / 1000;
    say(byId('version'), `Mirage Hole ${hello.version}`);
    byId('check').hidden = !hello.explain;
    if (boot !== hello.boot) tail.restart(hello.listen);
    boot = hello.boot;
  },
  series(minutes) {
    series.replace(minutes);
    chart.draw();
  },
  minutes(minutes) {
    series.update(minutes);
    chart.draw();
  },
  queries: (queries) => tail.add(queries),
  counts: (counts) => panels.counts(counts),
  top: (top) => panels.top(top),
  lists: (lists) => panels.showLists(lists),
  ping(ping) {
    ahead = ping.now - Date.now() / 1000;
  },
  lost(seconds) {
    byId('lost').hidden = false;
    say(byId('lost-text'), `Trying again in ${seconds} s…`);
    byId('health').dataset.state = 'bad';
    say(byId('health'), 'Not connected');
    recheck();
  },
  found() {
    byId('lost').hidden = true;
  },
});

// A stream says nothing of why it was refused; perhaps the login has ended.
let rechecked = 0;
async function recheck() {
  if (Date.now() - rechecked < 5000) return;
  rechecked = Date.now();
  if (!(await look())) {
    byId('lost').hidden = true;
    await enter();
    stream.open();
  }
}

byId('lost-retry').addEventListener('click', () => stream.open());
byId('span').addEventListener('change', (event) => {
  chart.span = Number(event.target.value);
  chart.choose(-1);
  chart.draw();
});
byId('check').addEventListener('submit', (event) => {
  event.preventDefault();
  explain(byId('check-name').value);
});

// Quiet minutes pass too.
setInterval(() => {
  panels.tick();
  if (!series.queries.length) return;
  const before = series.start;
  series.advance(now());
  if (series.start !== before) chart.draw();
}, 1000);
