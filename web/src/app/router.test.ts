import { beforeEach, describe, expect, it } from 'vitest';

import { pageAt } from './routes';
import { router } from './router.svelte';

beforeEach(() => router.go('/'));

describe('the address', () => {
  it('says which page it is, and what of it', () => {
    router.go('/queries?name=ads%20%26&type=A');
    expect(router.place.path).toBe('/queries');
    expect(router.place.query.get('name')).toBe('ads &');
    expect(pageAt(router.place.path)?.name).toBe('queries');
  });

  it('has parts, and stands broken ones', () => {
    router.go('/clients/fd7a%3A%3A1');
    expect(router.parts).toEqual(['clients', 'fd7a::1']);
    router.go('/clients/%ff');
    expect(router.parts).toEqual(['clients', '%ff']);
  });

  it('gets parameters and loses them', () => {
    router.go('/queries?type=A');
    router.set({ name: 'x', type: null, list: undefined, rule: '' });
    expect(location.search).toBe('?name=x');
  });

  it('of no page is known to be of none', () => {
    expect(pageAt('/nonsense')).toBeUndefined();
    expect(pageAt('/')?.name).toBe('overview');
    expect(pageAt('/settings/users')?.name).toBe('settings');
  });

  it('of a link is followed without loading anew, and that of another page of the server is not', () => {
    document.body.innerHTML = '<a id="own" href="/rules?x=1">a</a><a id="api" href="/api/docs">b</a><a id="file" href="/queries" download>c</a>';
    const click = (id: string) => {
      const event = new MouseEvent('click', { bubbles: true, cancelable: true, button: 0 });
      document.getElementById(id)?.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(click('own')).toBe(true);
    expect(router.place.path).toBe('/rules');
    expect(click('api')).toBe(false);
    expect(click('file')).toBe(false);
  });
});
