// Draws the API's own description: every route by area, with its fields and an example.
import '../styles/tokens.css';
import './api.css';

import { byId, el, say } from './dom.js';

const DEEPEST = 4;
let components = {};

/** What a `$ref` stands for. */
function settled(schema) {
  if (!schema || !schema.$ref) return schema || {};
  const { $ref, ...rest } = schema;
  const found = $ref.split('/').slice(1).reduce((at, name) => at?.[name], { components });
  return { ...found, ...rest };
}

/** A kind of value in a few words. */
function kind(schema) {
  const own = settled(schema);
  if (own.anyOf) return own.anyOf.map(kind).join(' or ');
  if (own.enum) return own.enum.map((one) => JSON.stringify(one)).join(', ');
  if (own.type === 'array') return `list of ${own.items ? kind(own.items) : 'anything'}`;
  const range = [];
  if (own.minimum !== undefined && Math.abs(own.minimum) < 1e17) range.push(`from ${own.minimum}`);
  if (own.exclusiveMinimum !== undefined) range.push(`above ${own.exclusiveMinimum}`);
  if (own.maximum !== undefined && own.maximum < 1e17) range.push(`to ${own.maximum}`);
  if (own.maxLength !== undefined) range.push(`up to ${own.maxLength} characters`);
  const name = { integer: 'whole number', string: 'text', boolean: 'true or false', object: 'object' }[own.type] || own.type || 'anything';
  return [name, ...range].join(' ');
}

/** The object inside a schema, through lists and alternatives; undefined when there is none. */
function inside(schema) {
  const own = settled(schema);
  if (own.properties) return own;
  if (own.items) return inside(own.items);
  return (own.anyOf || []).map(inside).find(Boolean);
}

/** A row for each field, those of objects within it behind its name. */
function rows(schema, before = '', depth = 0) {
  const own = inside(schema);
  if (!own || depth >= DEEPEST) return [];
  const needed = new Set(own.required || []);
  return Object.entries(own.properties).flatMap(([name, field]) => {
    const shape = settled(field);
    const usual = shape.default === undefined || shape.default === null || shape.default === '' ? '' : ` Usually ${JSON.stringify(shape.default)}.`;
    const told = `${shape.description || shape.title || ''}${usual}`;
    const row = el('tr', {}, el('td', {}, `${before}${name}`), el('td', {}, kind(field)), el('td', {}, needed.has(name) || depth ? told : `${told} Optional.`));
    return [row, ...rows(field, `${before}${name}.`, depth + 1)];
  });
}

function table(title, found) {
  if (!found.length) return null;
  return el('section', {}, el('h3', {}, title), el('div', { className: 'wide' }, el('table', {}, el('tbody', {}, ...found))));
}

/** A value that the schema takes, for the example. */
function example(schema, depth = 0) {
  const own = settled(schema);
  if (own.examples) return own.examples[0];
  if (own.anyOf) return example(own.anyOf.find((one) => one.type !== 'null'), depth);
  if (own.enum) return own.enum[0];
  if (own.properties && depth < DEEPEST) {
    const needed = new Set(own.required || []);
    const names = Object.keys(own.properties).filter((name) => needed.has(name) || settled(own.properties[name]).examples);
    return Object.fromEntries(names.map((name) => [name, example(own.properties[name], depth + 1)]));
  }
  if (own.type === 'array') return own.items ? [example(own.items, depth + 1)] : [];
  return { integer: own.minimum > 0 ? own.minimum : 1, number: 1, boolean: true, string: '…', object: {} }[own.type] ?? null;
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(method, path, operation) {
  const query = operation.parameters
    .filter((one) => one.in === 'query' && one.required)
    .map((one) => `${one.name}=${encodeURIComponent(example(one.schema))}`);
  const parts = [`curl ${quoted(location.origin + path + (query.length ? `?${query.join('&')}` : ''))}`];
  if (method !== 'get') parts.push(`-X ${method.toUpperCase()}`);
  if (operation.security.length) parts.push(`-H "Authorization: Bearer $TOKEN"`);
  const body = operation.requestBody?.content['application/json']?.schema;
  if (body) parts.push(`--json ${quoted(JSON.stringify(example(body)))}`);
  return parts.join(' \\\n  ');
}

function draw(method, path, operation) {
  const body = operation.requestBody?.content['application/json']?.schema;
  const [status, good] = Object.entries(operation.responses).find(([code]) => code.startsWith('2')) || ['', {}];
  const [media, content] = Object.entries(good.content || {})[0] || ['', {}];
  const parameters = operation.parameters
    .filter((one) => one.in !== 'header')
    .map((one) => el('tr', {}, el('td', {}, one.name), el('td', {}, kind(one.schema)), el('td', {}, `${one.description || settled(one.schema).description || ''}${one.in === 'path' ? ' In the path.' : one.required ? ' Required.' : ''}`)));
  const codes = Object.entries(operation.responses)
    .filter(([code]) => code >= '400')
    .map(([code, one]) => el('tr', {}, el('td', {}, code), el('td', {}, ''), el('td', {}, settled(one).description || '')));
  const role = operation['x-role'];
  return el(
    'details',
    { id: operation.operationId },
    el('summary', {}, el('span', { className: 'method', 'data-method': method }, method.toUpperCase()), el('code', {}, path), el('small', {}, operation.summary), el('span', { className: 'role' }, role === 'nobody' ? 'everybody' : role)),
    el('div', { className: 'inside' }, el('p', {}, operation.description), table('Parameters', parameters), body ? table('Body', rows(body)) : null, table(`Answer ${status} ${media}`, rows(content.schema)), table('Problems', codes), el('h3', {}, 'Example'), el('pre', {}, curl(method, path, operation))),
  );
}

/** Every route with the text that a search looks through. */
function all(description) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      area: operation.tags[0],
      text: `${method} ${path} ${operation.summary} ${operation.description} ${operation.tags[0]} ${operation['x-role']}`.toLowerCase(),
      element: draw(method, path, operation),
    })),
  );
}

function show(routes) {
  const words = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const route of routes) {
    const hit = words.every((word) => route.text.includes(word));
    route.element.hidden = !hit;
    count += hit;
  }
  for (const section of byId('routes').children) {
    section.hidden = [...section.querySelectorAll('details')].every((one) => one.hidden);
  }
  say(byId('state'), `${count} of ${routes.length} routes`);
}

function open() {
  const wanted = byId(decodeURIComponent(location.hash.slice(1)));
  if (wanted instanceof HTMLDetailsElement) wanted.open = true;
  wanted?.scrollIntoView();
}

async function start() {
  const response = await fetch('/api/v1/openapi.json');
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const description = await response.json();
  components = description.components;
  say(byId('version'), description.info.version);
  const routes = all(description);
  for (const { name } of description.tags) {
    const there = routes.filter((route) => route.area === name).map((route) => route.element);
    byId('areas').append(el('a', { href: `#area-${name}` }, name));
    byId('routes').append(el('section', {}, el('h2', { id: `area-${name}` }, name), ...there));
  }
  byId('search').addEventListener('input', () => show(routes));
  window.addEventListener('hashchange', open);
  show(routes);
  open();
}

// The theme that is chosen here is the dashboard's, too.
byId('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const next = { undefined: 'light', light: 'dark', dark: 'auto' }[root.dataset.theme];
  if (next === 'auto') delete root.dataset.theme;
  else root.dataset.theme = next;
  say(byId('theme-name'), `Theme: ${next}`);
  try {
    localStorage.setItem('theme', next);
  } catch {
    // It lasts as long as the page, then.
  }
});

start().catch((problem) => say(byId('state'), `The description can't be shown: ${problem.message}. Load the page again.`));
