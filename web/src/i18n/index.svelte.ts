// Words and numbers in the reader's language. A dictionary is typed by its English words, so a missing one does not compile.
//
// Each part of the program has its own: `const w = dictionary(en, { de: () => import('./words.de') })`, and `w().title` in markup.

export const LOCALES = { en: 'English', de: 'Deutsch' } as const;
export type Locale = keyof typeof LOCALES;
type Others<T> = Record<Exclude<Locale, 'en'>, () => Promise<{ default: T }>>;

const KEPT = 'locale';

function isLocale(text: string | null | undefined): text is Locale {
  return text !== null && text !== undefined && Object.hasOwn(LOCALES, text);
}

function wanted(): Locale {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // Storage may be forbidden.
  }
  if (isLocale(kept)) return kept;
  return navigator.languages.map((tag) => tag.split('-')[0]).find(isLocale) ?? 'en';
}

class Language {
  #locale = $state<Locale>(wanted());

  constructor() {
    document.documentElement.lang = this.#locale;
  }

  get locale(): Locale {
    return this.#locale;
  }

  choose(locale: Locale): void {
    this.#locale = locale;
    document.documentElement.lang = locale;
    try {
      localStorage.setItem(KEPT, locale);
    } catch {
      // It lasts as long as the page, then.
    }
  }

  /** The tag for `Intl`: the reader's own variant (en-GB) where it is of the chosen language. */
  get tag(): string {
    return navigator.languages.find((tag) => tag.split('-')[0] === this.#locale) ?? this.#locale;
  }
}

export const language = new Language();

/** A function that gives the words; English until those of another language have arrived. */
export function dictionary<T extends object>(english: T, others: Others<T>): () => T {
  let loaded = $state.raw<Partial<Record<Locale, T>>>({ en: english });
  const asked = new Set<Locale>(['en']);
  return () => {
    const locale = language.locale;
    if (locale !== 'en' && !asked.has(locale)) {
      asked.add(locale);
      others[locale]().then(
        (found) => (loaded = { ...loaded, [locale]: found.default }),
        () => asked.delete(locale),
      );
    }
    return loaded[locale] ?? english;
  };
}
