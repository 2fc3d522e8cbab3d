// Who looks: asks for a login when one is needed, makes the first user, and ends the session.

import { byId, say } from './dom.js';

const CODE_NEEDED = 'urn:mirage-hole:problem:second-factor';
const gate = byId('gate');
let csrf = '';
let entered = () => {};

/** The answer to a request; a refusal becomes an error with its words. */
async function ask(method, path, body) {
  const headers = { 'X-CSRF-Token': csrf };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.detail), { status: response.status, type: answer.type });
}

/** Returns when somebody is there who may look. */
export async function enter() {
  if (!(await look())) await new Promise((resolve) => { entered = resolve; });
}

/** Whether whoever is here may look; else there is a form. A server that does not answer changes nothing. */
export async function look() {
  try {
    welcome(await ask('GET', '/api/v1/session'));
    return true;
  } catch (problem) {
    if (problem.status !== 401) return true;
  }
  try {
    show((await ask('GET', '/api/v1/setup')).needed);
  } catch {
    return true;
  }
  return false;
}

function welcome(who) {
  csrf = who.csrf;
  gate.hidden = true;
  byId('board').hidden = false;
  byId('who').hidden = who.how !== 'session';
  say(byId('who-name'), who.name);
}

function show(setup) {
  if (!gate.hidden && gate.dataset.setup === String(setup)) return;
  gate.dataset.setup = String(setup);
  byId('board').hidden = true;
  byId('who').hidden = true;
  byId('check').hidden = true;
  say(byId('gate-title'), setup ? 'Make the first user' : 'Log in');
  byId('gate-token-row').hidden = !setup;
  byId('gate-code-row').hidden = true;
  byId('gate-passkey').hidden = setup || !canUsePasskeys();
  byId('gate-password').autocomplete = setup ? 'new-password' : 'current-password';
  say(byId('gate-send'), setup ? 'Make this user' : 'Log in');
  byId('gate-token').required = setup;
  byId('gate-token').value = setup ? tokenInAddress() : '';
  say(byId('gate-problem'), '');
  gate.hidden = false;
  byId(setup && !byId('gate-token').value ? 'gate-token' : 'gate-name').focus();
}

/** The setup token behind the #; it does not stay in the address or the history. */
function tokenInAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('setup') ?? '';
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

async function attempt(work) {
  byId('gate-send').disabled = true;
  say(byId('gate-problem'), '');
  try {
    const who = await work();
    byId('gate-form').reset();
    welcome(who);
    entered();
    gate.dispatchEvent(new Event('entered'));
  } catch (problem) {
    refused(problem);
  } finally {
    byId('gate-send').disabled = false;
  }
}

function refused(problem) {
  const wantsCode = problem.type === CODE_NEEDED;
  const first = wantsCode && byId('gate-code-row').hidden;
  byId('gate-code-row').hidden = !wantsCode;
  say(byId('gate-problem'), first ? 'Write the code that your app shows, too.' : problem.message || 'The server does not answer.');
  byId(wantsCode ? 'gate-code' : 'gate-password').focus();
}

byId('gate-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = byId('gate-name').value.trim();
  const password = byId('gate-password').value;
  const code = byId('gate-code-row').hidden ? '' : byId('gate-code').value.trim();
  const token = byId('gate-token').value.trim();
  if (gate.dataset.setup === 'true') attempt(() => ask('POST', '/api/v1/setup', { token, name, password }));
  else attempt(() => ask('POST', '/api/v1/login', { name, password, code }));
});

byId('logout').addEventListener('click', async () => {
  await ask('POST', '/api/v1/logout').catch(() => {});
  location.reload();
});

// Passkeys. Browsers keep them for names, and for pages that came safely.

const canUsePasskeys = () => isSecureContext && 'PublicKeyCredential' in window && !/^[\d.]+$|^\[/.test(location.hostname);
const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
const encoded = (buffer) => {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer ?? [])));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
};

byId('gate-passkey').addEventListener('click', () => attempt(async () => {
  const options = (await ask('POST', '/api/v1/login/passkey/begin')).public_key;
  const { id, response } = await navigator.credentials.get({ publicKey: { ...options, challenge: octets(options.challenge), allowCredentials: [] } });
  return ask('POST', '/api/v1/login/passkey', {
    id,
    client_data: encoded(response.clientDataJSON),
    authenticator_data: encoded(response.authenticatorData),
    signature: encoded(response.signature),
    user_handle: encoded(response.userHandle),
  });
}));
