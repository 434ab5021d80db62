/**
 * Lines of a table and of details, exactly as wide as asked: what does not fit gives way, nothing wraps.
 */
import { fit, printable, widthOf } from "../terminal.ts";
import type { GatewayData } from "./gateway-data.ts";
import type { Brush, Tone } from "./paint.ts";
import type { Column, Details } from "./pane/pane.ts";

const GAP = 2;

export interface Placed {
  readonly column: Column<unknown>;
  readonly width: number;
}

/** Which columns there is room for, and how wide each is. Independent of the rows, so that nothing jumps. */
export function placeColumns(columns: readonly Column<unknown>[], width: number): Placed[] {
  let kept = [...columns];
  const least = (some: readonly Column<unknown>[]): number =>
    some.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (least(kept) > width && kept.length > 1) {
    const most = Math.max(...kept.map(({ yields }) => yields));
    if (most === 0) break;
    kept = kept.filter(({ yields }) => yields !== most);
  }
  let rest = width - least(kept);
  let parts = kept.reduce((sum, { grow = 0 }) => sum + grow, 0);
  return kept.map((column) => {
    const grow = column.grow ?? 0;
    const more = parts === 0 ? 0 : Math.floor((rest * grow) / parts);
    rest -= more;
    parts -= grow;
    return { column, width: Math.max(1, column.width + more) };
  });
}

export function headLine(
  placed: readonly Placed[],
  sort: { title: string | undefined; isReversed: boolean },
  width: number,
  brush: Brush,
): string {
  const cells = placed.map(({ column, width: wide }) => {
    const sign = column.title === sort.title ? (sort.isReversed ? "▼" : "▲") : "";
    return pad(fitHead(column.title, sign, wide), wide, column.align);
  });
  return brush("strong", fit(cells.join(" ".repeat(GAP)), width));
}

function fitHead(title: string, sign: string, width: number): string {
  return title.length + sign.length > width
    ? `${title.slice(0, width - sign.length)}${sign}`
    : title + sign;
}

export function rowLine(
  placed: readonly Placed[],
  row: unknown,
  {
    data,
    now,
    width,
    isSelected,
  }: { data: GatewayData; now: number; width: number; isSelected: boolean },
  brush: Brush,
): string {
  let used = -GAP;
  const cells: string[] = [];
  for (const { column, width: wide } of placed) {
    const room = Math.min(wide, width - used - GAP);
    if (room <= 0) break;
    const text = pad(printable(column.value(row, data, now)), room, column.align);
    cells.push(isSelected ? text : brush(column.tone?.(row, data), text));
    used += room + GAP;
  }
  const line = cells.join(" ".repeat(GAP));
  const missing = " ".repeat(Math.max(0, width - used));
  return isSelected ? brush("selected", line + missing) : line + missing;
}

/** Names to the left, values wrapped beside them; then the lines, the last of them when there are too many. */
export function detailLines(
  { fields, lines = [] }: Details,
  { width, height, scrolled }: { width: number; height: number; scrolled: number },
  brush: Brush,
): string[] {
  const present = fields.filter(([, value]) => value !== undefined && value !== "");
  const names = Math.min(14, Math.max(0, ...present.map(([name]) => name.length)));
  const room = Math.max(8, width - names - GAP);
  const above = present.flatMap(([name, value, tone]) =>
    wrap(printable(value!), room).map(
      (part, index) =>
        brush("dim", fit(index === 0 ? name : "", names)) +
        " ".repeat(GAP) +
        brush(tone, fit(part, room)),
    ),
  );
  const [title, ...rest] = lines.map(([text, tone]) => brush(tone, fit(printable(text), width)));
  const free = Math.max(3, height - above.length - 2);
  const below = title === undefined ? [] : [" ".repeat(width), title, ...rest.slice(-free)];
  const all = [...above, ...below];
  const from = Math.min(scrolled, Math.max(0, all.length - height));
  return all.slice(from, from + height);
}

/** At spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let left = word;
    if (line !== "" && widthOf(line) + 1 + widthOf(left) <= width) {
      line += ` ${left}`;
      continue;
    }
    if (line !== "") lines.push(line);
    while (widthOf(left) > width) {
      const part = Array.from(left).slice(0, width).join("");
      lines.push(part);
      left = left.slice(part.length);
    }
    line = left;
  }
  return [...lines, line];
}

function pad(text: string, width: number, align: "right" | undefined): string {
  if (align !== "right") return fit(text, width);
  const missing = width - widthOf(text);
  return missing > 0 ? " ".repeat(missing) + text : fit(text, width);
}

/** `left` and `right` at the two ends of a line; the right one gives way. */
export function ends(
  left: readonly (readonly [string, Tone?])[],
  right: readonly (readonly [string, Tone?])[],
  width: number,
  brush: Brush,
): string {
  const paintAll = (parts: readonly (readonly [string, Tone?])[]): string =>
    parts.map(([text, tone]) => brush(tone, text)).join("");
  const wide = (parts: readonly (readonly [string, Tone?])[]): number =>
    parts.reduce((sum, [text]) => sum + widthOf(text), 0);
  let kept = [...right];
  while (kept.length > 0 && wide(left) + wide(kept) + 1 > width) kept = kept.slice(1);
  const gap = width - wide(left) - wide(kept);
  if (gap < 0) return fit(left.map(([text]) => text).join(""), width);
  return paintAll(left) + " ".repeat(gap) + paintAll(kept);
}
