// Light, dark or as the system wishes, and more contrast; public/theme.js applies what is kept before the first paint.

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It lasts as long as the page, then.
  }
}

class Look {
  #theme = $state<Theme>(THEMES.find((one) => one === kept('theme')) ?? 'auto');
  #contrast = $state(kept('contrast') === 'more');
  /** Counts up whenever colours may have changed, for what is drawn on a canvas. */
  version = $state(0);

  constructor() {
    for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)']) {
      globalThis.matchMedia?.(query).addEventListener('change', () => (this.version += 1));
    }
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    if (theme === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    keep('theme', theme);
    this.version += 1;
  }

  get contrast(): boolean {
    return this.#contrast;
  }

  set contrast(more: boolean) {
    this.#contrast = more;
    if (more) document.documentElement.dataset['contrast'] = 'more';
    else delete document.documentElement.dataset['contrast'];
    keep('contrast', more ? 'more' : 'auto');
    this.version += 1;
  }
}

export const look = new Look();
