// A QR code as one path of squares, so that it needs no picture from anywhere.

import { encode } from 'uqr';

/** A row of dark modules is one rectangle: `M x y h width v1 h-width z`. */
export function pathOf(matrix: readonly (readonly boolean[])[]): string {
  const parts: string[] = [];
  matrix.forEach((row, y) => {
    for (let x = 0; x < row.length; ) {
      if (!row[x]) {
        x += 1;
        continue;
      }
      const start = x;
      while (row[x]) x += 1;
      parts.push(`M${start} ${y}h${x - start}v1h-${x - start}z`);
    }
  });
  return parts.join('');
}

const QUIET = 4; // modules of white around it (ISO 18004)

export function qrCode(text: string): { size: number; path: string } {
  const { size, data } = encode(text, { ecc: 'M', border: QUIET });
  return { size, path: pathOf(data) };
}
