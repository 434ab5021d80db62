/**
 * The gateway as the dashboard has it: events as they happen, and answers to what is being looked at. Events gather between
 * two frames, so that a busy gateway costs no more drawing than a quiet one.
 */
import { useEffect, useState, useSyncExternalStore } from "react";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.ts";
import { followGateway } from "../control/follow.ts";
import type { ControlClient, ControlEvent } from "../control.ts";
import { messageOf } from "../errors.ts";
import type { Answers } from "./gateway-data.ts";
import { paneNamed } from "./pane/index.ts";
import type { Deed } from "./pane/pane.ts";
import { firstState, reduce, selectedId, type Action, type WatchState } from "./state.ts";

const FRAME = process.env["SSH_TTY"] ? 1000 : 500; // ms between two looks at what has happened
const LOOK = 2000; // ms between two questions
const COST = 20; // times as long as an answer took, until the question is asked again: 5 % of the gateway's time at most
const LISTED = 200; // login attempts

export interface WatchedGateway {
  /** What is drawn. */
  readonly state: WatchState;
  /** What is so by now: keys come faster than frames. */
  readonly current: () => WatchState;
  readonly dispatch: (action: Action) => void;
  readonly perform: (deed: Deed) => void;
}

export function useGateway(
  control: ControlClient,
  options: { isReadonly: boolean },
): WatchedGateway {
  const [watched] = useState(() => watchGateway(control, options.isReadonly));
  const state = useSyncExternalStore(watched.subscribe, watched.current);
  useEffect(() => watched.start(), [watched]);
  const { pane, hasDetails } = state;
  const selected = hasDetails ? selectedId(state) : undefined;
  useEffect(() => watched.look(), [watched, pane, selected]);
  return { ...watched, state };
}

function watchGateway(control: ControlClient, isReadonly: boolean) {
  const listeners = new Set<() => void>();
  let state = firstState(systemClock.now(), { isReadonly });
  let hurry = new AbortController();

  const current = (): WatchState => state;
  const look = (): void => hurry.abort();
  function dispatch(action: Action): void {
    state = reduce(state, action);
    for (const listener of listeners) listener();
  }

  /** Ask for what the pane needs, again and again; `look` asks at once. */
  async function ask(signal: AbortSignal): Promise<void> {
    // Names for all the ids of clients there are.
    let first: Promise<Answers> | undefined = clientsOf(control);
    while (!signal.aborted) {
      hurry = new AbortController();
      const before = performance.now();
      if (state.connection.state === "live") {
        try {
          const answers = await answersFor(control, state);
          dispatch({ type: "answers", answers: { ...(await first), ...answers } });
          first = undefined;
        } catch (error) {
          first = clientsOf(control);
          first.catch(() => undefined);
          // That nobody is there, the stream of events says better.
          if (!signal.aborted && state.connection.state === "live") {
            dispatch({ type: "notice", text: messageOf(error), tone: "bad" });
          }
        }
      }
      const took = performance.now() - before;
      const either = AbortSignal.any([signal, hurry.signal]);
      const wait = Math.max(LOOK, took * COST);
      await pause(wait, undefined, { signal: either }).catch(() => undefined);
    }
  }

  return {
    current,
    dispatch,
    look,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      const stop = new AbortController();
      const { signal } = stop;
      const heard: ControlEvent[] = [];
      void followGateway(control, {
        signal,
        from: "",
        onEvent: (event) => heard.push(event),
        onConnection: (connection, status) => {
          dispatch({ type: "connection", connection, now: systemClock.now() });
          if (status) dispatch({ type: "answers", answers: { status } });
        },
      });
      const frames = setInterval(() => {
        dispatch({ type: "tick", now: systemClock.now(), events: heard.splice(0) });
      }, FRAME);
      void ask(signal);
      return () => {
        stop.abort();
        clearInterval(frames);
      };
    },
    perform: (deed: Deed) => {
      doIt(control, deed)
        .then((text) => dispatch({ type: "notice", text, tone: "good" }))
        .catch((error: unknown) =>
          dispatch({ type: "notice", text: messageOf(error), tone: "bad" }),
        )
        .finally(look);
    },
  };
}

async function answersFor(control: ControlClient, state: WatchState): Promise<Answers> {
  const { needs } = paneNamed(state.pane);
  const id = state.hasDetails ? selectedId(state) : undefined;
  const questions = [
    control.status().then((status): Answers => ({ status })),
    ...needs.flatMap((need) => QUESTIONS[need]?.(control) ?? []),
    // It may be gone by now: then its details are what was known of it.
    ...(id === undefined ? [] : [detailsOf(control, state.pane, id).catch((): Answers => ({}))]),
  ];
  return Object.assign({}, ...(await Promise.all(questions))) as Answers;
}

/** Newest first. */
const QUESTIONS: Partial<Record<keyof Answers, (control: ControlClient) => Promise<Answers>>> = {
  sessions: async (control) => ({ sessions: (await control.sessions()).toReversed() }),
  grants: async (control) => ({ grants: (await control.grants()).toReversed() }),
  tokens: async (control) => ({ tokens: (await control.accessTokens()).toReversed() }),
  clients: clientsOf,
  attempts: async (control) => ({ attempts: await control.attempts({ limit: LISTED }) }),
  keys: async (control) => ({ keys: await control.keys() }),
};

async function clientsOf(control: ControlClient): Promise<Answers> {
  return { clients: (await control.clients()).toReversed() };
}

async function detailsOf(
  control: ControlClient,
  pane: WatchState["pane"],
  id: string,
): Promise<Answers> {
  if (pane === "logins") return { attempt: await control.attempt(id) };
  if (pane === "services") return { log: { service: id, lines: await control.serviceLog(id) } };
  return {};
}

/** @returns what has ended, for the person who asked for it */
async function doIt(control: ControlClient, { does, id }: Deed): Promise<string> {
  switch (does) {
    case "end session":
      return `The session ${(await control.endSession(id)).sessionId} has ended`;
    case "revoke grant":
      return `The grant of ${(await control.revokeGrant(id)).subject} is revoked`;
    case "revoke token":
      return `The token ${(await control.revokeAccessToken(id)).tokenId} is revoked`;
    case "revoke client": {
      const { grants, accessTokens, sessions } = await control.revokeClient(id);
      return `The client is revoked, with ${grants} grants, ${accessTokens} tokens, ${sessions} sessions`;
    }
    default: {
      const { service, sessions, children } = await control.restartService(id);
      return `${service} starts afresh: ${children} processes and ${sessions} sessions ended`;
    }
  }
}
