// Groups and routes: read, added, changed, removed, and every change taken back.

import { api, ask, askWhole, type Schemas } from '$/api/client';

export type Group = Schemas['UpstreamGroup'];
export type Route = Schemas['ForwardRoute'];
export type GroupForm = Required<Schemas['NewGroup']>;
export type RouteForm = Required<Schemas['NewRoute']>;
type Undo = () => Promise<void>;

const groupFields = ({ name, servers, strategy, dnssec, fallback }: Group): GroupForm => ({ name, servers, strategy: strategy as GroupForm['strategy'], dnssec, fallback });
const routeFields = ({ domains, group, servers, fallback }: Route): RouteForm => ({ domains, group, servers, fallback });
const at = (name: string) => ({ params: { path: { name } } });
const numbered = (number: number) => ({ params: { path: { number } } });

/** With what it takes to change it only as long as nobody else has: its tag. */
export async function readGroup(name: string): Promise<{ form: GroupForm; tag: string }> {
  const { data, response } = await askWhole(api.GET('/api/v1/groups/{name}', at(name)));
  return { form: groupFields(data), tag: response.headers.get('ETag') ?? '' };
}

export async function saveGroup(form: GroupForm, old: { form: GroupForm; tag: string } | null): Promise<Undo> {
  if (!old) {
    await ask(api.POST('/api/v1/groups', { body: form }));
    return async () => void (await ask(api.DELETE('/api/v1/groups/{name}', at(form.name))));
  }
  await ask(api.PATCH('/api/v1/groups/{name}', { ...at(old.form.name), body: form, headers: { 'If-Match': old.tag } }));
  return async () => void (await ask(api.PATCH('/api/v1/groups/{name}', { ...at(form.name), body: old.form })));
}

export async function removeGroup(group: Group): Promise<Undo> {
  await ask(api.DELETE('/api/v1/groups/{name}', at(group.name)));
  return async () => void (await ask(api.POST('/api/v1/groups', { body: groupFields(group) })));
}

export async function readRoute(number: number): Promise<{ form: RouteForm; tag: string; number: number }> {
  const { data, response } = await askWhole(api.GET('/api/v1/routes/{number}', numbered(number)));
  return { form: routeFields(data), tag: response.headers.get('ETag') ?? '', number };
}

export async function saveRoute(form: RouteForm, old: { form: RouteForm; tag: string; number: number } | null): Promise<Undo> {
  if (!old) {
    const { number } = await ask(api.POST('/api/v1/routes', { body: form }));
    return async () => void (number !== null && (await ask(api.DELETE('/api/v1/routes/{number}', numbered(number)))));
  }
  await ask(api.PATCH('/api/v1/routes/{number}', { ...numbered(old.number), body: form, headers: { 'If-Match': old.tag } }));
  return async () => void (await ask(api.PATCH('/api/v1/routes/{number}', { ...numbered(old.number), body: old.form })));
}

export async function removeRoute(route: Route, number: number): Promise<Undo> {
  await ask(api.DELETE('/api/v1/routes/{number}', numbered(number)));
  return async () => void (await ask(api.POST('/api/v1/routes', { body: routeFields(route) })));
}
