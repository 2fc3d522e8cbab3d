// Which rows are drawn. Browsers draw no element that is higher than some 33 million pixels, so above HIGHEST only a part of
// the rows is laid out; `base` is the first pixel of that part, and moves when the reader comes near its edge.

export const HIGHEST = 16_000_000;
const OVER = 8;

export interface View {
  /** Rows in all. */
  total: number;
  /** Pixels of one. */
  size: number;
  /** Pixels that are seen. */
  height: number;
  /** Where the scroll bar stands. */
  top: number;
  /** Pixels above the part that is laid out; a multiple of `size`. */
  base: number;
}

export interface Drawn {
  first: number;
  /** One more than the last. */
  end: number;
}

/** How high the part that is laid out is. */
export const laidOut = (view: View) => Math.min(view.total * view.size - view.base, HIGHEST - (HIGHEST % view.size));

/** The rows that are seen, and a few around them. */
export function drawn({ total, size, height, top, base }: View): Drawn {
  const first = Math.max(0, Math.floor((base + top) / size) - OVER);
  const end = Math.min(total, Math.ceil((base + top + height) / size) + OVER);
  return { first: Math.min(first, Math.max(0, end - 1)), end };
}

/** `base` and `top` for the same rows, so that there is room on both sides. A reader who leapt to an end is at the end of all rows. */
export function moved(view: View): { base: number; top: number } {
  const { total, size, height, top, base } = view;
  const whole = total * size;
  if (whole <= HIGHEST) return { base: 0, top: base + top };
  const high = laidOut(view);
  const most = base + high >= whole;
  if (base > 0 && top <= 0) return { base: 0, top: 0 };
  if (!most && top + height >= high) return placed(whole - height, view);
  if ((base > 0 && top < HIGHEST / 8) || (!most && top + height > high - HIGHEST / 8)) return placed(base + top, view);
  return { base, top };
}

/** `base` and `top` that show this pixel of all rows at the upper edge. */
export function placed(pixel: number, { total, size, height }: Omit<View, 'top' | 'base'>): { base: number; top: number } {
  const whole = total * size;
  const at = Math.max(0, Math.min(pixel, whole - height));
  if (whole <= HIGHEST) return { base: 0, top: at };
  const wanted = Math.max(0, Math.min(at - HIGHEST / 2, whole - HIGHEST));
  const base = wanted - (wanted % size);
  return { base, top: at - base };
}
