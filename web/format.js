// Numbers and times for people, in the browser's language and time zone.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const seconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export const count = (number) => whole.format(number);
export const compact = (number) => (number < 10000 ? whole.format(number) : short.format(number));
export const hour = (at) => clock.format(new Date(at * 1000));
export const time = (at) => seconds.format(new Date(at * 1000));
export const moment = (at) => full.format(new Date(at * 1000));

export function share(part, all) {
  return all ? `${tenth.format((100 * part) / all)} %` : '–';
}

export function rate(perSecond) {
  if (perSecond < 0.05) return 'quiet just now';
  return `${perSecond < 10 ? tenth.format(perSecond) : whole.format(perSecond)} a second now`;
}

export function took(milliseconds) {
  if (milliseconds === 0) return 'at once';
  if (milliseconds < 1) return '< 1 ms';
  return milliseconds < 9.95 ? `${tenth.format(milliseconds)} ms` : `${whole.format(milliseconds)} ms`;
}

export function ago(at, now) {
  const past = Math.max(0, now - at);
  if (past < 90) return 'just now';
  if (past < 5400) return relative.format(-Math.round(past / 60), 'minute');
  if (past < 129600) return relative.format(-Math.round(past / 3600), 'hour');
  return relative.format(-Math.round(past / 86400), 'day');
}
