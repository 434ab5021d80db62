/**
 * What an open pane shows: its table with the details beside or below, the overview, or the help.
 */
import { Box, Text } from "ink";
import { useRef, type ReactNode } from "react";
import { fit } from "../terminal.ts";
import { HELP } from "./keys.ts";
import { detailLines, headLine, placeColumns, rowLine } from "./layout.ts";
import { overviewLines } from "./overview-lines.ts";
import type { Brush } from "./paint.ts";
import { paneNamed } from "./pane/index.ts";
import { indexOf } from "./rows.ts";
import { shown, viewOf, type WatchState } from "./state.ts";

interface Room {
  readonly width: number;
  readonly height: number;
}

interface Drawn extends Room {
  readonly state: WatchState;
  readonly rows: readonly unknown[];
  readonly brush: Brush;
}

const BESIDE = 110; // columns from which details stand beside the table
const BELOW = 18; // lines from which they stand below it; with fewer they take its place
const HELP_WIDTHS = [32, 48, 34]; // columns of its groups side by side
const EDGE = 1; // columns at each side

export function Body({ state, rows, width, height, brush }: Drawn): ReactNode {
  const inner = { width: width - 2 * EDGE, height };
  if (state.mode.type === "help") return <Lines lines={helpLines(inner, brush)} height={height} />;
  if (state.pane === "overview") {
    const { data, now } = shown(state);
    return <Lines lines={overviewLines(data, now, inner, brush)} height={height} />;
  }
  const drawn = { state, rows, brush };
  if (!state.hasDetails || rows.length === 0) return <Table {...drawn} {...inner} />;
  if (width >= BESIDE) {
    const left = Math.floor(inner.width * 0.58);
    const rule = Array.from({ length: height }, () => brush("dim", " │ "));
    return (
      <Box height={height}>
        <Table {...drawn} width={left} height={height} />
        <Text>{rule.join("\n")}</Text>
        <DetailsOf {...drawn} width={inner.width - left - 3} height={height} />
      </Box>
    );
  }
  if (height < BELOW) return <DetailsOf {...drawn} {...inner} />;
  const above = Math.max(5, Math.floor(height * 0.4));
  return (
    <Box flexDirection="column" height={height}>
      <Table {...drawn} width={inner.width} height={above} />
      <Text>{" " + brush("dim", "─".repeat(inner.width))}</Text>
      <DetailsOf {...drawn} width={inner.width} height={height - above - 1} />
    </Box>
  );
}

function Table({ state, rows, width, height, brush }: Drawn): ReactNode {
  const { data, now } = shown(state);
  const pane = paneNamed(state.pane);
  const view = viewOf(state);
  const first = useRef(0);
  const room = Math.max(1, height - 1);
  const index = indexOf(pane, rows, view);
  // It scrolls only as far as the selected row asks for.
  first.current = Math.min(Math.max(first.current, index - room + 1), Math.max(0, index));
  first.current = Math.max(0, Math.min(first.current, rows.length - room));
  const placed = placeColumns(pane.columns, width);
  const sort = { title: view.sort, isReversed: view.isReversed };
  const lines = rows.slice(first.current, first.current + room).map((row, offset) => {
    const isSelected = first.current + offset === index;
    return rowLine(placed, row, { data, now, width, isSelected }, brush);
  });
  if (rows.length === 0) {
    const isWaiting = pane.rows(data) === undefined;
    const nothing = view.filter === "" ? pane.whenEmpty : "Nothing fits the filter.";
    lines.push(brush("dim", fit(isWaiting ? "Waiting for the gateway …" : nothing, width)));
  }
  return <Lines lines={[headLine(placed, sort, width, brush), ...lines]} height={height} />;
}

function DetailsOf({ state, rows, width, height, brush }: Drawn): ReactNode {
  const { data, now } = shown(state);
  const pane = paneNamed(state.pane);
  const row = rows[indexOf(pane, rows, viewOf(state))];
  if (row === undefined) return null;
  const room = { width, height, scrolled: state.scrolled };
  return <Lines lines={detailLines(pane.details(row, data, now), room, brush)} height={height} />;
}

/** One element for many lines: the fewer Ink has to lay out, the less a frame costs. */
function Lines({ lines, height }: { lines: readonly string[]; height: number }): ReactNode {
  const cut = lines.slice(0, height).map((line) => " ".repeat(EDGE) + line);
  return (
    <Box height={height} flexShrink={0}>
      <Text wrap="truncate">{cut.join("\n")}</Text>
    </Box>
  );
}

function helpLines({ width, height }: Room, brush: Brush): string[] {
  const isWide = width >= HELP_WIDTHS.reduce((sum, wide) => sum + wide, 0);
  const columns = HELP.map(([title, keys], index) => {
    const wide = isWide ? HELP_WIDTHS[index]! : width;
    return [
      brush("title", fit(title, wide)),
      ...keys.map(([key, does]) => brush("accent", fit(key, 11)) + fit(does, wide - 11)),
    ];
  });
  if (!isWide) return columns.flat().slice(0, height);
  const longest = Math.max(...columns.map((column) => column.length));
  return Array.from({ length: longest }, (_, line) =>
    columns.map((column, index) => column[line] ?? " ".repeat(HELP_WIDTHS[index]!)).join(""),
  );
}
