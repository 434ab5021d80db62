/**
 * The dashboard's state without a terminal: what each thing that happens makes of it.
 */
import { describe, expect, it } from "vitest";
import type { ControlEvent } from "../../../src/control.ts";
import type { SessionSummary } from "../../../src/control/answers.ts";
import { firstState, reduce, selectedId, shown, viewOf } from "../../../src/tui/state.ts";
import type { Action, WatchState } from "../../../src/tui/state.ts";
import { paneNamed } from "../../../src/tui/pane/index.ts";
import { rowsOf } from "../../../src/tui/rows.ts";

const NOW = 1_767_225_600;

const session = (sessionId: string, more: Partial<SessionSummary> = {}): SessionSummary => ({
  sessionId,
  service: "files",
  era: "legacy",
  clientId: `client-${sessionId}`,
  subject: "local:ada",
  grantId: "g",
  protocolVersion: "2025-11-25",
  openedAt: NOW - 60,
  lastActiveAt: NOW,
  requests: 1,
  ...more,
});

let count = 0;
const request = (
  more: Partial<ControlEvent & { type: "request.finished" }> = {},
): ControlEvent => ({
  id: `run.${++count}`,
  type: "request.finished",
  at: NOW,
  service: "files",
  clientId: "c1",
  subject: "local:ada",
  method: "tools/call",
  target: "read",
  status: 200,
  seconds: 0.004,
  ...more,
});

const start = (isReadonly = false): WatchState => firstState(NOW, { isReadonly });
const after = (state: WatchState, ...actions: Action[]): WatchState =>
  actions.reduce(reduce, state);
const tick = (...events: ControlEvent[]): Action => ({ type: "tick", now: NOW, events });
const withSessions = (...ids: string[]): WatchState =>
  after(
    start(),
    { type: "pane", pane: "sessions" },
    { type: "answers", answers: { sessions: ids.map((id) => session(id)) } },
  );
const ids = (state: WatchState): string[] => {
  const pane = paneNamed(state.pane);
  return rowsOf(pane, shown(state).data, viewOf(state)).map((row) => pane.idOf(row));
};

describe("the selected row", () => {
  it("follows the newest until somebody moves", () => {
    const state = after(start(), { type: "pane", pane: "requests" }, tick(request({ id: "a" })));
    expect(selectedId(state)).toBe("a");
    const later = after(state, tick(request({ id: "b" })));
    expect(selectedId(later)).toBe("b");
    const moved = after(later, { type: "move", by: 1 }, tick(request({ id: "c" })));
    expect(selectedId(moved)).toBe("a");
    expect(selectedId(after(moved, { type: "follow" }))).toBe("c");
  });

  it("stays within the rows, and goes to either end", () => {
    const state = withSessions("a", "b", "c");
    expect(selectedId(after(state, { type: "move", by: 99 }))).toBe("c");
    expect(selectedId(after(state, { type: "move", by: Infinity }))).toBe("c");
    expect(selectedId(after(state, { type: "move", by: 2 }, { type: "move", by: -Infinity }))).toBe(
      "a",
    );
  });

  it("passes to its neighbour when it is gone", () => {
    const state = after(withSessions("a", "b", "c"), { type: "move", by: 1 });
    const without = [session("a"), session("c")];
    expect(selectedId(after(state, { type: "answers", answers: { sessions: without } }))).toBe("c");
    expect(
      selectedId(after(state, { type: "answers", answers: { sessions: [] } })),
    ).toBeUndefined();
  });

  it("is remembered by each pane", () => {
    const state = after(
      withSessions("a", "b"),
      { type: "move", by: 1 },
      { type: "next pane", by: 1 },
      { type: "next pane", by: -1 },
    );
    expect(selectedId(state)).toBe("b");
  });
});

describe("the filter", () => {
  const traffic = after(
    start(),
    { type: "pane", pane: "requests" },
    tick(
      request({ id: "ok" }),
      request({ id: "bad", status: 502, service: "notes" }),
      request({ id: "slow", method: "tools/list", target: "", seconds: 0.4 }),
    ),
  );
  it.each([
    ["notes", ["bad"]],
    ["!notes", ["slow", "ok"]],
    ["status:>=400", ["bad"]],
    ["took:>100", ["slow"]],
    ["took:<=4", ["bad", "ok"]],
    ["method:list", ["slow"]],
    ["TOOLS/CALL files", ["ok"]],
    ["tools/call !notes !list", ["ok"]],
    ["nonsense:x", []],
    ["!", ["slow", "bad", "ok"]],
    ["(", []],
  ])("%s leaves %j", (text, expected) => {
    expect(ids(after(traffic, { type: "filter text", text }))).toEqual(expected);
  });

  it("is dropped by escape while it is written, and kept by enter", () => {
    const written = after(traffic, { type: "filter" }, { type: "filter text", text: "notes" });
    expect(ids(after(written, { type: "back" }))).toHaveLength(3);
    const kept = after(written, { type: "filter done" });
    expect(ids(kept)).toEqual(["bad"]);
    expect(ids(after(kept, { type: "back" }))).toHaveLength(3);
  });
});

describe("sorting", () => {
  const state = after(
    start(),
    { type: "pane", pane: "sessions" },
    {
      type: "answers",
      answers: {
        sessions: [
          session("a", { requests: 10 }),
          session("b", { requests: 9 }),
          session("c", { requests: 100 }),
        ],
      },
    },
  );
  const by = (title: string): WatchState => {
    let sorted = state;
    while (viewOf(sorted).sort !== title) sorted = reduce(sorted, { type: "sort" });
    return sorted;
  };

  it("sorts numbers as numbers", () => {
    expect(ids(by("REQUESTS"))).toEqual(["b", "a", "c"]);
    expect(ids(after(by("REQUESTS"), { type: "reverse" }))).toEqual(["c", "a", "b"]);
  });

  it("comes back to the order in which things came", () => {
    const { columns } = paneNamed("sessions");
    const actions = Array.from({ length: columns.length + 1 }, (): Action => ({ type: "sort" }));
    expect(viewOf(after(state, ...actions)).sort).toBeUndefined();
  });
});

describe("a pause", () => {
  it("keeps what is shown, while everything goes on behind it", () => {
    const state = after(start(), { type: "pane", pane: "requests" }, tick(request({ id: "a" })));
    const paused = after(state, { type: "pause" }, tick(request({ id: "b" })));
    expect(ids(paused)).toEqual(["a"]);
    expect(ids(after(paused, { type: "pause" }))).toEqual(["b", "a"]);
  });
});

describe("a deed", () => {
  it("is asked for first, with what will end, and forgotten at any other key", () => {
    const asked = after(withSessions("a"), { type: "ask" });
    expect(asked.mode).toMatchObject({
      type: "confirm",
      deed: { does: "end session", id: "a", question: expect.stringContaining("client-a") },
    });
    expect(after(asked, { type: "answered" }).mode).toEqual({ type: "browse" });
    expect(after(asked, { type: "back" }).mode).toEqual({ type: "browse" });
  });

  it("is refused when one may only look", () => {
    const state = after(
      start(true),
      { type: "pane", pane: "sessions" },
      { type: "answers", answers: { sessions: [session("a")] } },
      { type: "ask" },
    );
    expect(state.mode).toEqual({ type: "browse" });
    expect(state.notice?.text).toContain("--readonly");
  });

  it("is not there for what only happened", () => {
    const state = after(start(), { type: "pane", pane: "requests" }, tick(request()));
    expect(after(state, { type: "ask" }).mode).toEqual({ type: "browse" });
  });
});

describe("what is kept", () => {
  it("is bounded, newest first", () => {
    const many = Array.from({ length: 1200 }, () => request());
    const { requests } = after(start(), tick(...many)).data;
    expect(requests).toHaveLength(500);
    expect(requests[0]).toBe(many.at(-1));
  });

  it("says how many events nobody heard", () => {
    const state = after(start(), tick({ type: "events.dropped", at: NOW, events: 7 }));
    expect(state.data.missed).toBe(7);
    expect(state.data.audit).toMatchObject([{ type: "events.dropped" }]);
  });

  it("calls clients by the names it learns", () => {
    const state = after(
      start(),
      tick({
        id: "1",
        type: "client.registered",
        at: NOW,
        clientId: "c1",
        clientName: "Cursor",
        via: "registration",
      }),
    );
    expect(state.data.names).toEqual({ c1: "Cursor" });
  });

  it("leaves the steps of logins to the logins", () => {
    const step = { what: "authorize", at: NOW } as const;
    const noted = tick({ id: "1", type: "attempt.noted", at: NOW, attempt: "x", step });
    expect(after(start(), noted).data.audit).toEqual([]);
  });
});

describe("time", () => {
  it("is the gateway's, when its clock is another", () => {
    const status = { startedAt: NOW + 1000, uptime: 5 } as never;
    const state = after(start(), { type: "answers", answers: { status } }, tick());
    expect(state.now).toBe(NOW + 1005);
    const near = { startedAt: NOW, uptime: 1 } as never;
    expect(after(start(), { type: "answers", answers: { status: near } }, tick()).now).toBe(NOW);
  });

  it("takes a notice away", () => {
    const told = after(start(), { type: "notice", text: "done", tone: "good" });
    expect(after(told, tick()).notice?.text).toBe("done");
    expect(after(told, { type: "tick", now: NOW + 10, events: [] }).notice).toBeUndefined();
  });

  it("tells since when the connection is lost, however often it is tried", () => {
    const lost = { state: "lost", reason: "gone", retryIn: 1 } as const;
    const state = after(
      start(),
      { type: "connection", connection: lost, now: NOW + 1 },
      { type: "connection", connection: lost, now: NOW + 9 },
    );
    expect(state.connection).toEqual({ ...lost, since: NOW + 1 });
  });
});

it("goes back one step at a time", () => {
  const state = after(withSessions("a"), { type: "details" }, { type: "help" });
  const browsing = after(state, { type: "back" });
  expect(browsing).toMatchObject({ mode: { type: "browse" }, hasDetails: true });
  expect(after(browsing, { type: "back" }).hasDetails).toBe(false);
});
