/**
 * What stands around every pane: header, tabs, the line of keys, and what asks for attention.
 */
import { Text } from "ink";
import type { ReactNode } from "react";
import { fit, printable } from "../terminal.ts";
import { ends, wrap } from "./layout.ts";
import type { Brush, Tone } from "./paint.ts";
import { paneNamed, panes } from "./pane/index.ts";
import { shown, viewOf, type WatchState } from "./state.ts";
import { ratesOf } from "./traffic.ts";
import { age, milliseconds } from "./words.ts";

interface Drawn {
  readonly state: WatchState;
  readonly width: number;
  readonly brush: Brush;
}

type Part = readonly [string, Tone?];

export function Header({ state, width, brush }: Drawn): ReactNode {
  const { data, now } = shown(state);
  const { status } = data;
  const host = status === undefined ? "" : new URL(status.url).host;
  const rates = ratesOf(data.traffic, now);
  const share = rates.requests === 0 ? 0 : Math.round((100 * rates.failures) / rates.requests);
  const right: Part[] = [
    [status === undefined ? "" : `up ${age(now, status.startedAt)}   `, "dim"],
    [`p50 ${milliseconds(rates.p50)}  p95 ${milliseconds(rates.p95)}   `, "dim"],
    [`${share} % failed   `, share > 0 ? "warn" : "dim"],
    [`${rates.perSecond.toFixed(1)} req/s `],
  ];
  const left: Part[] = [[" mcp-gateway ", "title"], [`${host}  `], ...connectionOf(state)];
  return <Text wrap="truncate">{ends(left, right, width, brush)}</Text>;
}

function connectionOf({ connection, frozen, now }: WatchState): Part[] {
  if (connection.state === "lost") {
    const since = age(now, connection.since);
    return [[`◌ connecting again, lost for ${since}: ${printable(connection.reason)}`, "bad"]];
  }
  if (connection.state === "connecting") return [["◌ connecting", "dim"]];
  return frozen ? [[`‖ paused for ${age(now, frozen.now)}`, "warn"]] : [["● live", "good"]];
}

/** With counts where there is room, as numbers around the title of the one that is open where there is little. */
export function Tabs({ state, width, brush }: Drawn): ReactNode {
  const { status } = shown(state).data;
  const counts: Partial<Record<string, number | undefined>> = {
    sessions: status?.sessions,
    grants: status?.grants,
    tokens: status?.accessTokens,
    clients: status?.clients,
    services: status?.services.length,
  };
  const write = (form: "counts" | "titles" | "numbers"): Part[] =>
    panes.flatMap(({ name, title }, index): Part[] => {
      const isOpen = name === state.pane;
      const count = form === "counts" && counts[name] !== undefined ? ` ${counts[name]}` : "";
      if (isOpen) return [[` ${index + 1} ${title}${count} `, "selected"]];
      return form === "numbers"
        ? [[` ${index + 1} `, "dim"]]
        : [[` ${index + 1} `, "accent"], [title], [`${count} `, "dim"]];
    });
  const wide = (parts: Part[]): number => parts.reduce((sum, [text]) => sum + text.length, 0);
  const forms = (["counts", "titles", "numbers"] as const).map(write);
  const parts = forms.find((some) => wide(some) <= width) ?? forms.at(-1)!;
  return <Text wrap="truncate">{ends(parts, [], width, brush)}</Text>;
}

/** The last lines: what is asked, what was done, or which keys there are. */
export function footerLines(
  state: WatchState,
  rows: number,
  width: number,
  brush: Brush,
): string[] {
  const { mode, notice } = state;
  if (mode.type === "confirm") {
    const question = wrap(printable(mode.deed.question), width - 2);
    return [
      ...question.map((line) => brush("warn", fit(` ${line}`, width))),
      ends([[" y ", "bad"], [" yes   "], [" any other key ", "strong"], [" no"]], [], width, brush),
    ];
  }
  if (mode.type === "filter") {
    const left: Part[] = [[" /", "accent"], [viewOf(state).filter], ["▏", "accent"]];
    return [ends(left, [[`${rows} found  enter keeps  esc drops `, "dim"]], width, brush)];
  }
  if (notice) return [brush(notice.tone, fit(` ${printable(notice.text)}`, width))];
  return [ends(keysOf(state, width), rightOf(state, rows), width, brush)];
}

function keysOf(state: WatchState, width: number): Part[] {
  const { deed } = paneNamed(state.pane);
  const isTable = state.pane !== "overview";
  const hints: readonly (readonly [string, string])[] = [
    ["?", "help"],
    ...(isTable ? ([["enter", state.hasDetails ? "close" : "details"]] as const) : []),
    ...(deed !== undefined && !state.isReadonly ? ([["x", deed]] as const) : []),
    ...(isTable
      ? ([
          ["/", "filter"],
          ["s", "sort"],
          ["y", "copy id"],
        ] as const)
      : []),
    ["p", state.frozen ? "go on" : "pause"],
    ["q", "quit"],
  ];
  const parts: Part[] = [];
  let used = 0;
  for (const [key, does] of hints) {
    used += key.length + does.length + 4;
    if (used > width) break;
    parts.push([` ${key}`, "accent"], [` ${does}  `, "dim"]);
  }
  return parts;
}

function rightOf(state: WatchState, rows: number): Part[] {
  if (state.pane === "overview") return [];
  const { filter, sort } = viewOf(state);
  const all = paneNamed(state.pane).rows(shown(state).data)?.length ?? 0;
  return [
    ...(filter === "" ? [] : ([[`/${filter} `, "accent"]] as const)),
    ...(sort === undefined ? [] : ([[`by ${sort.toLowerCase()} `, "dim"]] as const)),
    [rows === all ? `${all} ` : `${rows} of ${all} `, "dim"],
  ];
}
