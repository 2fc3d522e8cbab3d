import { dictionary } from '$/i18n/index.svelte';

export const w = dictionary(
  { keys: 'The arrow keys read one moment after the other.' },
  { de: async () => ({ default: { keys: 'Die Pfeiltasten lesen einen Zeitpunkt nach dem anderen.' } }) },
);
