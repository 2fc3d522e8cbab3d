import { render, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import Heat from './Heat.svelte';
import { cellsOf, comparedOf, largest, ownShare, verdictOf, type Compared } from './overlap';

const one = (index: number, names: number, unique: number, title = `L${index}`): Compared => ({ index, title, source: '', kind: 'block', names, unique });

describe('the overlap', () => {
  const lists = [one(0, 100, 50), one(1, 200, 1), one(2, 0, 0)];
  const overlap = [[100, 50, 0], [50, 200, 0], [0, 0, 0]];

  it('is a share of the names of the list in the row', () => {
    const shares = cellsOf(lists, overlap).map((row) => row.map((cell) => cell.share));
    expect(shares).toEqual([[null, 0.5, 0], [0.25, null, 0], [null, null, null]]);
  });

  it('keeps to its list when the order is another', () => {
    expect(cellsOf(largest(lists, 2), overlap)[0]?.map((cell) => cell.share)).toEqual([null, 0.25]);
  });

  it('says which list could go', () => {
    expect(lists.map(verdictOf)).toEqual(['worth', 'little', 'noNames']);
    expect(verdictOf(one(3, 10, 0))).toBe('nothing');
    expect(verdictOf(one(3, 100, 1))).toBe('worth');
    expect(ownShare(one(3, 0, 0))).toBe(0);
  });

  it('is read from a report, also one without an overlap', () => {
    const listed = { title: 'A\u202E', source: 's', kind: 'block', exact: 8, subtree: 2, below: 0, duplicates: 3, unique: 4 };
    const report = { lists: [listed], overlap: [] } as unknown as Parameters<typeof comparedOf>[0];
    expect(comparedOf(report)[0]).toMatchObject({ names: 7, unique: 4, title: 'A\\u{202E}' });
  });

  it('is a table with heads and numbers, and markup in titles is text', () => {
    render(Heat, { lists: [one(0, 100, 50, '<img src=x>'), one(1, 200, 1)], overlap });
    expect(screen.getAllByRole('rowheader').map((head) => head.textContent)).toContain('<img src=x>');
    expect(document.querySelector('img')).toBeNull();
    expect(screen.getByRole('cell', { name: /50/ })).toBeTruthy();
  });
});
