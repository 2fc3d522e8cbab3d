// Runs before the page is drawn, so that it never flashes in the wrong colours. src/app/theme.svelte.ts keeps what is chosen.
'use strict';
(function () {
  try {
    const root = document.documentElement;
    const theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    if (localStorage.getItem('contrast') === 'more') root.dataset.contrast = 'more';
  } catch {
    // Storage may be forbidden; the system's wish counts then.
  }
})();
