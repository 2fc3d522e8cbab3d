// Listen mode: a quiet tick at each block. Blocked names of one device sound alike, and many at once stay quiet.

import { live } from './live.svelte';

const MOST_A_FRAME = 4;
const SCALE = [0, 2, 4, 7, 9, 12, 14, 16]; // a pentatonic scale never sounds wrong
const LOWEST = 660; // Hz

class Listening {
  #on = $state(false);
  #context: AudioContext | null = null;
  #end: (() => void) | null = null;
  /** Ticks since it was switched on; for tests, which have no ears. */
  ticks = $state(0);

  get on(): boolean {
    return this.#on;
  }

  /** Sound needs a click first, so it is never on from the start. */
  set on(on: boolean) {
    this.#on = on;
    this.#end?.();
    this.#end = null;
    if (!on) {
      void this.#context?.suspend();
      return;
    }
    this.#context ??= new AudioContext();
    void this.#context.resume();
    this.#end = live.hear(({ queries }) => {
      const blocks = queries.filter((query) => query.outcome === 'blocked').slice(-MOST_A_FRAME);
      blocks.forEach((query, index) => this.#tick(query.client, index));
    });
  }

  #tick(client: string, index: number): void {
    this.ticks += 1;
    const context = this.#context;
    if (!context) return;
    const at = context.currentTime + index * 0.06;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.type = 'sine';
    tone.frequency.value = LOWEST * 2 ** ((SCALE[hash(client) % SCALE.length] ?? 0) / 12);
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.05, at + 0.004);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.09);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.1);
  }
}

function hash(text: string): number {
  let found = 7;
  for (const letter of text) found = (found * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return found;
}

export const listening = new Listening();
