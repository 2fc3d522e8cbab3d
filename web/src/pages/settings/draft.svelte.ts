// What was typed in the settings and is not saved yet. It outlives a walk to another page, and is kept nowhere but in memory.

import type { Fault } from '$/api/client';

import { isAbout, sameValue, typedOf, type Edit, type Setting, type Typed } from './setting';

class Draft {
  edits = $state<Record<string, Edit>>({});
  faults = $state.raw<readonly Fault[]>([]);

  typed(setting: Setting): Typed {
    return this.edits[setting.path]?.typed ?? typedOf(setting, setting.value);
  }

  write(setting: Setting, typed: Typed): void {
    this.faults = this.faults.filter((fault) => !isAbout(fault.where, setting.path));
    const base = this.edits[setting.path]?.base ?? $state.snapshot(setting.value);
    if (sameValue(base, setting.value) && typedOf(setting, setting.value) === typed) this.drop(setting.path);
    else this.edits[setting.path] = { typed, base };
  }

  /** From now on mine is meant to replace what holds. */
  insist(setting: Setting): void {
    const edit = this.edits[setting.path];
    if (edit) edit.base = $state.snapshot(setting.value);
  }

  drop(path: string): void {
    delete this.edits[path];
    this.faults = this.faults.filter((fault) => !isAbout(fault.where, path));
  }

  clear(): void {
    this.edits = {};
    this.faults = [];
  }

  faultOf(path: string): Fault | undefined {
    return this.faults.find((fault) => isAbout(fault.where, path));
  }
}

export const draft = new Draft();
