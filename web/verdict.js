// Explains a name: which rules of which lists apply, and which one decides.

import { byId, el } from './dom.js';
import { count } from './format.js';

const panel = () => byId('verdict');

/** Asks the server and shows the answer above everything else. */
export async function explain(text) {
  const asked = nameIn(text);
  if (!asked) return;
  byId('check-name').value = asked;
  try {
    const answer = await fetch(`/api/v1/explain?name=${encodeURIComponent(asked)}`);
    const told = await answer.json();
    if (answer.ok) show(told);
    else refuse(told.problems?.[0]?.what ?? told.detail);
  } catch {
    refuse('The server does not answer.');
  }
}

/** The name in what people paste: often the address of a page. */
function nameIn(text) {
  return /^[a-z][a-z\d+.-]*:\/\/(?:[^/@]*@)?([^/:@?#[\]]+)/i.exec(text.trim())?.[1] ?? text.trim();
}

function show({ name, verdict, rules }) {
  const [first] = rules;
  const heading = {
    block: [el('b', {}, name), ' is ', el('b', { className: 'is-blocked' }, 'blocked'), ` by ${first?.list}`],
    allow: [el('b', {}, name), ' is ', el('b', { className: 'is-allowed' }, 'allowed'), ` by ${first?.list}`],
    rewrite: [el('b', {}, name), ' is given ', el('b', { className: 'is-allowed' }, 'an answer of its own'), ` by ${first?.list}`],
    none: [el('b', {}, name), ' is ', el('b', { className: 'is-allowed' }, 'not blocked'), ': no rule of any list applies'],
  }[verdict];
  reveal(
    el('p', { className: 'big' }, ...heading),
    rules.length
      ? el('ol', { className: 'rules' }, ...rules.map((rule) =>
        el('li', { className: rule.action === 'block' ? 'is-blocked' : 'is-allowed' },
          el('span', { className: 'badge' }, { block: 'Blocks', allow: 'Allows', rewrite: 'Answers' }[rule.action]), ' ',
          el('b', {}, rule.list),
          `, ${rule.line === null ? 'line unknown' : `line ${count(rule.line)}`}: `,
          el('code', {}, rule.rule),
          rule.decides ? el('em', {}, ' decides: ') : ' – ',
          rule.why)))
      : null,
  );
}

function refuse(reason) {
  reveal(el('p', { className: 'big' }, reason ?? 'That did not work.'));
}

function reveal(...children) {
  const close = el('button', { type: 'button', className: 'icon-button close', 'aria-label': 'Close', onclick: hide }, '✕');
  panel().replaceChildren(close, ...children.filter(Boolean));
  panel().hidden = false;
  panel().scrollIntoView({ block: 'nearest' });
}

function hide() {
  panel().hidden = true;
  byId('check-name').focus();
}
