import { dictionary } from '$/i18n/index.svelte';

import { en } from './words.en';

export const w = dictionary(en, { de: () => import('./words.de') });
