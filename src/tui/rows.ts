/**
 * Which rows of a pane are shown, in which order: its filter and its sorting. Pure; the last answer is kept, because rows are
 * asked for at each key and each frame, and there may be fifty thousand.
 */
import type { GatewayData } from "./gateway-data.ts";
import type { Column, Pane } from "./pane/pane.ts";

export interface View {
  /** Id of the selected row; undefined follows the first one. */
  readonly cursor?: string | undefined;
  /** Where it was, should the row be gone. */
  readonly at: number;
  readonly filter: string;
  /** Title of the column to sort by; undefined leaves the order as it came. */
  readonly sort?: string | undefined;
  readonly isReversed: boolean;
}

export const FIRST_VIEW: View = { at: 0, filter: "", isReversed: false };

let last: { key: readonly unknown[]; rows: readonly unknown[] } | undefined;

export function rowsOf(pane: Pane, data: GatewayData, view: View): readonly unknown[] {
  const all = pane.rows(data) ?? [];
  if (view.filter === "" && view.sort === undefined && !view.isReversed) return all;
  const key = [pane, all, data.names, view.filter, view.sort, view.isReversed];
  if (last?.key.every((part, index) => part === key[index])) return last.rows;
  const column = pane.columns.find(({ title }) => title === view.sort);
  const found = all.filter((row) => fits(pane, row, data, view.filter));
  const sorted = column ? found.toSorted((a, b) => compare(column, a, b, data)) : found;
  const rows = view.isReversed ? sorted.toReversed() : sorted;
  last = { key, rows };
  return rows;
}

/** Place of the selected row; -1 when there is none. */
export function indexOf(pane: Pane, rows: readonly unknown[], { cursor, at }: View): number {
  if (cursor === undefined) return Math.min(0, rows.length - 1);
  const index = rows.findIndex((row) => pane.idOf(row) === cursor);
  return index === -1 ? Math.min(at, rows.length - 1) : index;
}

/**
 * `word` must stand in a column, `!word` in none, `status:4` in that one; a number may be compared: `took:>100`, with the
 * number a person reads. All words must fit.
 */
function fits(pane: Pane, row: unknown, data: GatewayData, filter: string): boolean {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "!")
    .every((word) => {
      const isWanted = !word.startsWith("!");
      return hasWord(pane, row, data, isWanted ? word : word.slice(1)) === isWanted;
    });
}

function hasWord(pane: Pane, row: unknown, data: GatewayData, word: string): boolean {
  const [, title, sign, wanted = ""] = /^([a-z-]+):(>=|<=|>|<)?(.*)$/.exec(word) ?? [];
  const named = pane.columns.find((column) => column.title.toLowerCase() === title);
  const text = (column: Column<unknown>): string =>
    column.value(row, data, Number.MAX_SAFE_INTEGER).toLowerCase();
  if (named === undefined) {
    return (
      pane.idOf(row).toLowerCase().startsWith(word) ||
      pane.columns.some((column) => text(column).includes(word))
    );
  }
  if (sign === undefined) return text(named).includes(wanted);
  const value = Number.parseFloat(text(named));
  const limit = Number.parseFloat(wanted);
  if (sign.startsWith(">")) return value > limit || (sign === ">=" && value === limit);
  return value < limit || (sign === "<=" && value === limit);
}

function compare(column: Column<unknown>, a: unknown, b: unknown, data: GatewayData): number {
  if (column.order) return column.order(a, data) - column.order(b, data);
  return column.value(a, data, 0).localeCompare(column.value(b, data, 0));
}
