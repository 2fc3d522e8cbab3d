import './styles/tokens.css';
import './styles/base.css';

import { mount } from 'svelte';

import App from './app/App.svelte';
import { pageAt } from './app/routes';

// The page is fetched while the session is asked for; if that fails, the frame says so when it comes to it.
pageAt(location.pathname)?.load().catch(() => undefined);

const target = document.getElementById('app');
if (target) mount(App, { target });
