// The live stream: reconnects by itself, goes on where it was, and says when it is cut off.

const SILENCE = 40; // seconds; the server says something at least every 15
const LONGEST_WAIT = 30;
const EVENTS = ['hello', 'series', 'queries', 'counts', 'minutes', 'top', 'lists', 'ping'];

/** Calls `on.<event>(data)` for every event, `on.lost(seconds until the next try)` and `on.found()`. */
export class Stream {
  constructor(on) {
    this.on = on;
    this.last = '';
    this.failures = 0;
    this.connected = false;
    this.heard = performance.now();
    setInterval(() => this.watch(), 1000);
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    this.heard = performance.now();
    const query = this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : '';
    const source = new EventSource(`/api/v1/events${query}`);
    this.source = source;
    source.addEventListener('error', () => this.failed());
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.heard = performance.now();
        if (event.lastEventId) this.last = event.lastEventId;
        if (!this.connected) {
          this.connected = true;
          this.failures = 0;
          this.on.found();
        }
        this.on[name](JSON.parse(event.data));
      });
    }
  }

  // The browser would try again by itself after some errors and never after others; so we always do it.
  failed() {
    this.source.close();
    this.connected = false;
    this.failures += 1;
    const wait = Math.min(LONGEST_WAIT, 2 ** Math.min(this.failures, 5));
    this.nextAt = performance.now() + wait * 1000;
    this.on.lost(wait);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait * 1000);
  }

  watch() {
    if (this.connected && performance.now() - this.heard > SILENCE * 1000) this.failed();
    else if (!this.connected && this.failures && this.nextAt > performance.now()) {
      this.on.lost(Math.ceil((this.nextAt - performance.now()) / 1000));
    }
  }
}
