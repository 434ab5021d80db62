/**
 * What a key means. Pure; `effect` is for what a reducer cannot do.
 */
import type { Key } from "ink";
import { panes } from "./pane/index.ts";
import type { Action, WatchState } from "./state.ts";
import { viewOf } from "./state.ts";

type Effect = "quit" | "interrupt" | "copy" | "do";

export interface Meaning {
  readonly actions?: readonly Action[];
  readonly effect?: Effect;
}

const act = (...actions: Action[]): Meaning => ({ actions });

/** Keys pressed in quick succession come as one text, the more so over a slow line. */
export function strokesOf(input: string, key: Key): readonly (readonly [string, Key])[] {
  if (input.length < 2 || key.ctrl || key.meta) return [[input, key]];
  return Array.from(input, (character) => [
    character === "\r" ? "" : character,
    { ...key, return: character === "\r", tab: character === "\t" },
  ]);
}

/** @param page rows that fit */
export function meaningOf(state: WatchState, input: string, key: Key, page: number): Meaning {
  if (key.ctrl && input === "c") return { effect: "interrupt" };
  switch (state.mode.type) {
    case "filter":
      return whileFiltering(state, input, key);
    case "confirm":
      return input.toLowerCase() === "y"
        ? { effect: "do", actions: [{ type: "answered" }] }
        : act({ type: "answered" }, { type: "notice", text: "Nothing was changed", tone: "dim" });
    case "help":
      return input === "q" ? { effect: "quit" } : act({ type: "help" });
    default:
      return whileBrowsing(input, key, page);
  }
}

function whileFiltering(state: WatchState, input: string, key: Key): Meaning {
  const { filter } = viewOf(state);
  if (key.return) return act({ type: "filter done" });
  if (key.escape) return act({ type: "back" });
  if (key.backspace || key.delete) return act({ type: "filter text", text: filter.slice(0, -1) });
  if (key.ctrl && input === "u") return act({ type: "filter text", text: "" });
  if (key.upArrow) return act({ type: "move", by: -1 });
  if (key.downArrow) return act({ type: "move", by: 1 });
  if (key.ctrl || key.meta || key.tab) return {};
  // A paste comes as one input; what cannot be typed is left out.
  const text = input.replaceAll(/\p{C}/gu, "");
  return text === "" ? {} : act({ type: "filter text", text: filter + text });
}

function whileBrowsing(input: string, key: Key, page: number): Meaning {
  if (key.tab) return act({ type: "next pane", by: key.shift ? -1 : 1 });
  if (key.rightArrow || input === "l") return act({ type: "next pane", by: 1 });
  if (key.leftArrow || input === "h") return act({ type: "next pane", by: -1 });
  if (key.upArrow || input === "k") return act({ type: "move", by: -1 });
  if (key.downArrow || input === "j") return act({ type: "move", by: 1 });
  if (key.pageUp || (key.ctrl && input === "b")) return act({ type: "move", by: -page });
  if (key.pageDown || (key.ctrl && input === "f")) return act({ type: "move", by: page });
  if (key.return) return act({ type: "details" });
  if (key.escape) return act({ type: "back" });
  if (key.ctrl || key.meta) return {};
  const pane = /^[1-9]$/.test(input) ? panes[Number(input) - 1] : undefined;
  if (pane) return act({ type: "pane", pane: pane.name });
  switch (input) {
    case "g":
      return act({ type: "move", by: -Infinity });
    case "G":
      return act({ type: "move", by: Infinity });
    case "f":
      return act({ type: "follow" });
    case "J":
      return act({ type: "scroll", by: 1 });
    case "K":
      return act({ type: "scroll", by: -1 });
    case "d":
      return act({ type: "details" });
    case "/":
      return act({ type: "filter" });
    case "s":
      return act({ type: "sort" });
    case "S":
      return act({ type: "reverse" });
    case "p":
    case " ":
      return act({ type: "pause" });
    case "x":
      return act({ type: "ask" });
    case "y":
      return { effect: "copy" };
    case "?":
      return act({ type: "help" });
    case "q":
      return { effect: "quit" };
    default:
      return {};
  }
}

/** For the overlay, in groups. */
export const HELP: readonly (readonly [
  title: string,
  keys: readonly (readonly [string, string])[],
])[] = [
  [
    "Go",
    [
      ["1 … 9", "pane"],
      ["tab ← →", "next, previous pane"],
      ["↑ ↓  j k", "move"],
      ["pgup pgdn", "a page"],
      ["g  G", "first, last"],
      ["f", "follow the newest"],
    ],
  ],
  [
    "Look",
    [
      ["enter", "details; J K scroll them"],
      ["/", "filter: word !not status:>=400"],
      ["s  S", "sort by, reverse"],
      ["p", "pause"],
      ["esc", "back"],
    ],
  ],
  [
    "Do",
    [
      ["x", "end, revoke or restart"],
      ["y", "copy the id"],
      ["?", "this help"],
      ["q", "quit"],
    ],
  ],
];
