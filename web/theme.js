// Runs before the page is drawn, so that it never flashes in the wrong colours.
'use strict';
(function () {
  const order = ['auto', 'light', 'dark'];
  const names = { auto: 'automatic', light: 'light', dark: 'dark' };
  const signs = { auto: '◐', light: '☀', dark: '☾' };
  let theme = 'auto';
  try {
    const kept = localStorage.getItem('theme');
    if (order.includes(kept)) theme = kept;
  } catch {
    // Storage may be forbidden; the theme then lasts as long as the page.
  }

  function show() {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const sign = document.getElementById('theme-sign');
    if (sign) {
      sign.textContent = signs[theme];
      document.getElementById('theme-name').textContent = `Theme: ${names[theme]}`;
      document.getElementById('theme').title = `Theme: ${names[theme]}`;
    }
  }

  show();
  document.addEventListener('DOMContentLoaded', () => {
    show();
    document.getElementById('theme').addEventListener('click', () => {
      theme = order[(order.indexOf(theme) + 1) % order.length];
      try {
        localStorage.setItem('theme', theme);
      } catch {
        // as above
      }
      show();
    });
  });
})();
