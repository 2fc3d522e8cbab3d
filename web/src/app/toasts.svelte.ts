// Short messages at the edge: what was done, with a way back.

import { Problem } from '$/api/client';

export interface Toast {
  readonly key: number;
  readonly text: string;
  readonly kind: 'done' | 'problem';
  readonly undo?: () => Promise<unknown> | void;
}

const SECONDS = { done: 8, problem: 15 };
const MOST = 4;

class Toasts {
  shown = $state.raw<readonly Toast[]>([]);
  #next = 1;

  done(text: string, undo?: () => Promise<unknown> | void): void {
    this.#show({ key: this.#next++, text, kind: 'done', ...(undo && { undo }) });
  }

  problem(text: string): void {
    this.#show({ key: this.#next++, text, kind: 'problem' });
  }

  /** Tell of whatever was thrown. */
  failed(thrown: unknown): void {
    this.problem(thrown instanceof Error ? thrown.message : String(thrown));
  }

  drop(key: number): void {
    this.shown = this.shown.filter((one) => one.key !== key);
  }

  async undo(toast: Toast): Promise<void> {
    this.drop(toast.key);
    try {
      await toast.undo?.();
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  #show(toast: Toast): void {
    this.shown = [...this.shown.slice(-(MOST - 1)), toast];
    setTimeout(() => this.drop(toast.key), SECONDS[toast.kind] * 1000);
  }
}

export const toasts = new Toasts();
export { Problem };
