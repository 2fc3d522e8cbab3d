// Which page is shown: the path says which, the query says what of it. Every state worth sharing is in the address.

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly hash: string;
}

class Router {
  #place = $state.raw<Place>(read());

  constructor() {
    addEventListener('popstate', () => (this.#place = read()));
    addEventListener('click', (event) => this.#follow(event));
  }

  get place(): Place {
    return this.#place;
  }

  /** The parts of the path: `/settings/users` has `settings` and `users`. */
  get parts(): string[] {
    return this.#place.path.split('/').filter(Boolean).map(decode);
  }

  go(address: string, { replace = false } = {}): void {
    const target = new URL(address, location.href);
    if (target.href !== location.href) {
      if (replace) history.replaceState(null, '', target);
      else history.pushState(null, '', target);
    }
    const moved = target.pathname !== this.#place.path;
    this.#place = read();
    if (moved && !replace) scrollTo(0, 0);
  }

  /** The same page with other parameters; null, undefined and '' take one away. Typing does not fill the history: replace. */
  set(parameters: Record<string, string | number | null | undefined>, { replace = true } = {}): void {
    const query = new URLSearchParams(this.#place.query);
    for (const [name, value] of Object.entries(parameters)) {
      if (value === null || value === undefined || value === '') query.delete(name);
      else query.set(name, String(value));
    }
    const text = query.toString();
    this.go(`${this.#place.path}${text ? `?${text}` : ''}`, { replace });
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    const target = new URL(link.href);
    if (target.origin !== location.origin || /^\/(api|metrics|healthz|assets)\b/.test(target.pathname)) return;
    if (target.hash && target.pathname === location.pathname && target.search === location.search) return;
    event.preventDefault();
    this.go(link.href);
  }
}

function read(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash.slice(1) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const router = new Router();
