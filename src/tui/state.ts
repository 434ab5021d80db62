/**
 * Everything the dashboard shows, and how it changes. Pure: no terminal, no clock, no gateway.
 */
import type { Connection } from "../control/follow.ts";
import type { ControlEvent } from "../control.ts";
import {
  NOTHING,
  withAnswers,
  withEvents,
  type Answers,
  type GatewayData,
} from "./gateway-data.ts";
import { paneNamed, panes } from "./pane/index.ts";
import type { Deed, PaneName } from "./pane/pane.ts";
import { FIRST_VIEW, indexOf, rowsOf, type View } from "./rows.ts";

export interface WatchState {
  readonly pane: PaneName;
  readonly views: Readonly<Partial<Record<PaneName, View>>>;
  readonly mode: Mode;
  readonly hasDetails: boolean;
  /** First line of the details that is shown. */
  readonly scrolled: number;
  readonly data: GatewayData;
  /** What is shown instead while it is paused. */
  readonly frozen?: { readonly data: GatewayData; readonly now: number };
  readonly connection: (Connection | { state: "connecting" }) & { readonly since: number };
  readonly notice?: Notice;
  readonly isReadonly: boolean;
  /** Seconds since the epoch, by the gateway's clock. */
  readonly now: number;
  /** How far that clock is ahead of ours. */
  readonly skew: number;
}

type Mode =
  | { readonly type: "browse" }
  | { readonly type: "filter"; readonly before: string }
  | { readonly type: "confirm"; readonly deed: Deed }
  | { readonly type: "help" };

interface Notice {
  readonly text: string;
  readonly tone: "good" | "bad" | "dim";
  readonly until: number;
}

export type Action =
  | { type: "tick"; now: number; events: readonly ControlEvent[] }
  | { type: "answers"; answers: Answers }
  | { type: "connection"; connection: Connection; now: number }
  | { type: "notice"; text: string; tone: Notice["tone"] }
  | { type: "pane"; pane: PaneName }
  | { type: "next pane"; by: number }
  /** `by` may be Infinity, for the ends. */
  | { type: "move"; by: number }
  | { type: "scroll"; by: number }
  | { type: "follow" }
  | { type: "details" }
  | { type: "back" }
  | { type: "pause" }
  | { type: "help" }
  | { type: "sort" }
  | { type: "reverse" }
  | { type: "filter" }
  | { type: "filter text"; text: string }
  | { type: "filter done" }
  | { type: "ask" }
  | { type: "answered" };

const NOTICE = 4; // seconds
const MOST_SKEW = 2; // seconds, below which clocks count as equal: the gateway tells whole ones

export function firstState(
  now: number,
  options: { isReadonly: boolean; pane?: PaneName },
): WatchState {
  return {
    pane: options.pane ?? "overview",
    views: {},
    mode: { type: "browse" },
    hasDetails: false,
    scrolled: 0,
    data: NOTHING,
    connection: { state: "connecting", since: now },
    isReadonly: options.isReadonly,
    now,
    skew: 0,
  };
}

export function reduce(state: WatchState, action: Action): WatchState {
  switch (action.type) {
    case "tick":
      return tick(state, action);
    case "answers":
      return answered(state, action.answers);
    case "connection": {
      const isSame = state.connection.state === action.connection.state;
      const since = isSame ? state.connection.since : action.now;
      return { ...state, connection: { ...action.connection, since } };
    }
    case "notice":
      return told(state, action.text, action.tone);
    case "pane":
      return { ...state, pane: action.pane, mode: { type: "browse" }, scrolled: 0 };
    case "next pane": {
      const index = panes.findIndex(({ name }) => name === state.pane);
      const { name } = panes[(index + action.by + panes.length) % panes.length]!;
      return { ...state, pane: name, scrolled: 0 };
    }
    case "move":
      return move(state, action.by);
    case "scroll":
      return { ...state, scrolled: Math.max(0, state.scrolled + action.by) };
    case "follow":
      return { ...withView(state, { cursor: undefined, at: 0 }), scrolled: 0 };
    case "details":
      if (selectedRow(state) === undefined) return state;
      return { ...state, hasDetails: !state.hasDetails, scrolled: 0 };
    case "back":
      return back(state);
    case "pause": {
      const { frozen, ...rest } = state;
      return frozen ? rest : { ...rest, frozen: { data: state.data, now: state.now } };
    }
    case "help":
      return { ...state, mode: state.mode.type === "help" ? { type: "browse" } : { type: "help" } };
    case "sort":
      return sorted(state);
    case "reverse":
      return withView(state, { isReversed: !viewOf(state).isReversed });
    case "filter":
      return { ...state, mode: { type: "filter", before: viewOf(state).filter } };
    case "filter text":
      return withView(state, { filter: action.text, cursor: undefined, at: 0 });
    case "filter done":
      return { ...state, mode: { type: "browse" } };
    case "answered":
      return { ...state, mode: { type: "browse" } };
    default:
      return ask(state);
  }
}

/** What is shown, which is not what is known while it is paused. */
export function shown(state: WatchState): { data: GatewayData; now: number } {
  return state.frozen ?? state;
}

export function viewOf({ views, pane }: WatchState): View {
  return views[pane] ?? FIRST_VIEW;
}

function selectedRow(state: WatchState): unknown {
  const pane = paneNamed(state.pane);
  const rows = rowsOf(pane, shown(state).data, viewOf(state));
  return rows[indexOf(pane, rows, viewOf(state))];
}

export function selectedId(state: WatchState): string | undefined {
  const row = selectedRow(state);
  return row === undefined ? undefined : paneNamed(state.pane).idOf(row);
}

function tick(state: WatchState, { now, events }: Extract<Action, { type: "tick" }>): WatchState {
  const { notice, ...rest } = state;
  const isOver = notice === undefined || notice.until <= now + state.skew;
  return {
    ...rest,
    ...(!isOver && { notice }),
    now: now + state.skew,
    data: withEvents(state.data, events),
  };
}

function answered(state: WatchState, answers: Answers): WatchState {
  const data = withAnswers(state.data, answers);
  if (answers.status === undefined) return { ...state, data };
  const { startedAt, uptime } = answers.status;
  const skew = startedAt + uptime - (state.now - state.skew);
  return { ...state, data, skew: Math.abs(skew) > MOST_SKEW ? skew : 0 };
}

function move(state: WatchState, by: number): WatchState {
  const pane = paneNamed(state.pane);
  const rows = rowsOf(pane, shown(state).data, viewOf(state));
  if (rows.length === 0) return state;
  const at = Math.max(0, Math.min(rows.length - 1, indexOf(pane, rows, viewOf(state)) + by));
  const cursor = by === -Infinity ? undefined : pane.idOf(rows[at]);
  return { ...withView(state, { cursor, at }), scrolled: 0 };
}

/** From the innermost thing outwards. */
function back(state: WatchState): WatchState {
  const { mode } = state;
  if (mode.type === "filter") {
    return { ...withView(state, { filter: mode.before }), mode: { type: "browse" } };
  }
  if (mode.type !== "browse") return { ...state, mode: { type: "browse" } };
  if (state.hasDetails) return { ...state, hasDetails: false, scrolled: 0 };
  return viewOf(state).filter === "" ? state : withView(state, { filter: "" });
}

/** Through the columns, and back to the order they came in. */
function sorted(state: WatchState): WatchState {
  const { columns } = paneNamed(state.pane);
  const index = columns.findIndex(({ title }) => title === viewOf(state).sort);
  return withView(state, { sort: columns[index + 1]?.title });
}

function ask(state: WatchState): WatchState {
  const pane = paneNamed(state.pane);
  const row = selectedRow(state);
  if (row === undefined || pane.deedTo === undefined) return state;
  if (state.isReadonly) return told(state, "This dashboard may only look: --readonly", "bad");
  const deed = pane.deedTo(row, shown(state).data);
  return deed === undefined ? state : { ...state, mode: { type: "confirm", deed } };
}

function told(state: WatchState, text: string, tone: Notice["tone"]): WatchState {
  return { ...state, notice: { text, tone, until: state.now + NOTICE } };
}

function withView(state: WatchState, change: Partial<View>): WatchState {
  const view = { ...viewOf(state), ...change };
  return { ...state, views: { ...state.views, [state.pane]: view } };
}
