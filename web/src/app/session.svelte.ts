// Who looks: logs in and out, and asks again when the login has ended in the middle of something.

import { api, ask, door, Problem, type Schemas } from '$/api/client';

export type Session = Schemas['SessionView'];
export type Role = Session['role'];

const ORDER: Role[] = ['viewer', 'operator', 'admin'];
export const CODE_NEEDED = 'urn:mirage-hole:problem:second-factor';

type State = 'asking' | 'in' | 'out' | 'setup' | 'unreachable';

class SessionState {
  #who = $state.raw<Session | null>(null);
  #state = $state<State>('asking');
  #waiting: { resolve: () => void; reject: (problem: Problem) => void }[] = [];
  /** The login has ended while a page is open. */
  expired = $state(false);

  constructor() {
    door.again = () => {
      this.expired = true;
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    };
  }

  get who(): Session | null {
    return this.#who;
  }

  get state(): State {
    return this.#state;
  }

  /** Whether whoever is here may do what needs this role. */
  may(role: Role): boolean {
    return this.#who !== null && ORDER.indexOf(this.#who.role) >= ORDER.indexOf(role);
  }

  /** Find out who is here. */
  async look(): Promise<void> {
    try {
      this.welcome(await ask(api.GET('/api/v1/session')));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.status === 401) await this.#ask();
      else if (this.#who === null) this.#state = 'unreachable';
    }
  }

  async #ask(): Promise<void> {
    try {
      const { needed } = await ask(api.GET('/api/v1/setup'));
      if (this.#who !== null) this.expired = true;
      else this.#state = needed ? 'setup' : 'out';
    } catch {
      if (this.#who === null) this.#state = 'unreachable';
    }
  }

  /** Somebody has come in. */
  welcome(who: Session): void {
    const other = this.#who !== null && this.#who.name !== who.name;
    this.#who = who;
    door.csrf = who.csrf ?? '';
    this.#state = 'in';
    this.expired = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    // What somebody began is not finished in another's name.
    for (const one of waiting) other ? one.reject(new Problem(401, 'Somebody else has logged in.')) : one.resolve();
  }

  async logout(): Promise<void> {
    await ask(api.POST('/api/v1/logout')).catch(() => undefined);
    location.assign('/');
  }

  /** Give up on what was begun, and begin anew. */
  leave(): void {
    for (const one of this.#waiting) one.reject(new Problem(401, 'Not logged in.'));
    this.#waiting = [];
    location.assign('/');
  }
}

export const session = new SessionState();
