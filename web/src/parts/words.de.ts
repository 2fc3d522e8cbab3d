import type { Words } from './words.en';

const de: Words = {
  close: 'Schließen',
  cancel: 'Abbrechen',
  save: 'Speichern',
  retry: 'Noch einmal',
  undo: 'Rückgängig',
  copy: 'Kopieren',
  copied: 'Kopiert',
  loading: 'Lädt…',
  slow: 'Der Server braucht zu lange. Vielleicht ist er beschäftigt; hier ging nichts verloren.',
  unreachable: 'Der Server antwortet nicht. Prüfen Sie, ob er läuft und ob dieses Gerät in seinem Netz ist.',
  instead: (text) => `Richtig wäre: ${text}.`,
  outcomes: {
    forwarded: 'Weitergeleitet',
    cached: 'Aus dem Cache',
    stale: 'Veraltet',
    local: 'Lokal',
    special: 'Sonderfall',
    blocked: 'Blockiert',
    rebind: 'Rebinding',
    bogus: 'Ungültig',
    failed: 'Fehlgeschlagen',
    refused: 'Abgelehnt',
    limited: 'Gedrosselt',
    dropped: 'Verworfen',
    malformed: 'Fehlerhaft',
  },
  suspicious: 'Dieser Name hat Zeichen, die man mit anderen verwechseln kann.',
  strange: 'Dieser Name hat Zeichen, die man nicht sieht.',
};

export default de;
