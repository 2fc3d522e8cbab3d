// The parts of the settings page, their addresses, and who has them.

import type { Component } from 'svelte';

import type { Role, Session } from '$/app/session.svelte';

export type TabName =
  | 'everything' | 'account' | 'users' | 'tokens' | 'history' | 'backup' | 'logs' | 'notifications' | 'diagnosis';

export interface Tab {
  readonly key: TabName;
  readonly role: Role;
  /** Only for somebody with a name: whoever looks without a login has no account. */
  readonly personal?: true;
  readonly load: () => Promise<{ default: Component }>;
}

export const TABS: readonly Tab[] = [
  { key: 'everything', role: 'viewer', load: () => import('./Everything.svelte') },
  { key: 'account', role: 'viewer', personal: true, load: () => import('./Account.svelte') },
  { key: 'users', role: 'admin', load: () => import('./Users.svelte') },
  { key: 'tokens', role: 'viewer', personal: true, load: () => import('./Tokens.svelte') },
  { key: 'history', role: 'operator', load: () => import('./History.svelte') },
  { key: 'backup', role: 'admin', load: () => import('./Backup.svelte') },
  { key: 'logs', role: 'admin', load: () => import('./Logs.svelte') },
  { key: 'notifications', role: 'viewer', load: () => import('./Notifications.svelte') },
  { key: 'diagnosis', role: 'admin', load: () => import('./Diagnosis.svelte') },
];

export const hrefOf = (key: TabName) => (key === 'everything' ? '/settings' : `/settings/${key}`);

export function isForMe(tab: Tab, may: (role: Role) => boolean, who: Session | null): boolean {
  return may(tab.role) && !(tab.personal && who?.how !== 'session');
}
