// Something that a page loads: what came, what went wrong, and how to try again. It loads anew when what it reads changes.

import { isAborted } from '$/api/client';

export class Resource<T> {
  /** What came last; it stays while something newer is on its way. */
  data = $state.raw<T | undefined>(undefined);
  problem = $state.raw<Error | null>(null);
  loading = $state(true);
  #version = $state(0);
  #aborter: AbortController | null = null;

  constructor(load: (signal: AbortSignal) => Promise<T>, every = 0) {
    $effect(() => {
      void this.#version;
      const aborter = new AbortController();
      this.#aborter = aborter;
      this.loading = true;
      load(aborter.signal).then(
        (data) => {
          if (aborter.signal.aborted) return;
          this.data = data;
          this.problem = null;
          this.loading = false;
        },
        (problem: unknown) => {
          if (aborter.signal.aborted || isAborted(problem)) return;
          this.problem = problem instanceof Error ? problem : new Error(String(problem));
          this.loading = false;
        },
      );
      return () => aborter.abort();
    });
    if (every) {
      $effect(() => {
        const timer = setInterval(() => !document.hidden && !this.loading && this.reload(), every * 1000);
        return () => clearInterval(timer);
      });
    }
  }

  reload(): void {
    this.#version += 1;
  }

  /** Put in what an action has answered, without asking for it again. */
  set(data: T): void {
    this.#aborter?.abort();
    this.data = data;
    this.problem = null;
    this.loading = false;
  }
}

/** Call while a component is set up. `every`: seconds after which it is loaded again while the page is seen; 0: never. */
export function resource<T>(load: (signal: AbortSignal) => Promise<T>, every = 0): Resource<T> {
  return new Resource(load, every);
}
