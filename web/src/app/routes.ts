// The pages, by the first part of their address; mirage_hole/api/pages.py serves these addresses.

import type { Component } from 'svelte';

import type { IconName } from '$/parts/icons';

import type { Role } from './session.svelte';

export type PageName =
  | 'overview' | 'queries' | 'lists' | 'rules' | 'clients' | 'records' | 'upstreams' | 'tools' | 'changes' | 'settings' | 'guide' | 'welcome';

export interface Page {
  readonly name: PageName;
  readonly path: string;
  readonly icon: IconName;
  readonly load: () => Promise<{ default: Component }>;
  /** Pressed after `g`. */
  readonly key: string;
  readonly role?: Role;
  /** In no menu. */
  readonly hidden?: true;
}

export const PAGES: readonly Page[] = [
  { name: 'overview', path: '/', icon: 'overview', key: 'o', load: () => import('$/pages/overview/Overview.svelte') },
  { name: 'queries', path: '/queries', icon: 'queries', key: 'q', load: () => import('$/pages/queries/Queries.svelte') },
  { name: 'changes', path: '/changes', icon: 'changes', key: 'n', load: () => import('$/pages/changes/Changes.svelte') },
  { name: 'lists', path: '/lists', icon: 'lists', key: 'l', load: () => import('$/pages/lists/Lists.svelte') },
  { name: 'rules', path: '/rules', icon: 'rules', key: 'r', load: () => import('$/pages/rules/Rules.svelte') },
  { name: 'clients', path: '/clients', icon: 'clients', key: 'c', load: () => import('$/pages/clients/Clients.svelte') },
  { name: 'records', path: '/records', icon: 'records', key: 'd', load: () => import('$/pages/records/Records.svelte') },
  { name: 'upstreams', path: '/upstreams', icon: 'upstreams', key: 'u', load: () => import('$/pages/upstreams/Upstreams.svelte') },
  { name: 'tools', path: '/tools', icon: 'tools', key: 't', load: () => import('$/pages/tools/Tools.svelte') },
  { name: 'settings', path: '/settings', icon: 'settings', key: 's', load: () => import('$/pages/settings/Settings.svelte') },
  { name: 'guide', path: '/guide', icon: 'guide', key: 'h', load: () => import('$/pages/guide/Guide.svelte') },
  { name: 'welcome', path: '/welcome', icon: 'guide', key: '', role: 'admin', hidden: true, load: () => import('$/pages/welcome/Welcome.svelte') },
];

export function pageAt(path: string): Page | undefined {
  const first = `/${path.split('/')[1] ?? ''}`;
  return PAGES.find((page) => page.path === first);
}
