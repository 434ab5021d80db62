/**
 * The login attempts we remember, found by what ties their steps together. Bounded: in number, in steps, in text. Attempts
 * that name no client yet have room of their own, so that a crowd of strangers at the door pushes out no real login.
 */
import type { AttemptStep } from "../../control/attempts.ts";

export interface Trace {
  readonly id: string;
  /** In order of time. */
  readonly steps: AttemptStep[];
  /** What it is found by. */
  readonly keys: Set<string>;
  /** Whether a step has named its client. */
  kind: "anonymous" | "known";
  /** By which id each other replica speaks of it. */
  readonly calledBy: Map<string, string>;
  /** Whether its last step happened in this process. */
  isOurs: boolean;
  /** Verdict that was published. */
  announced: string;
}

/** How many are kept. */
const MOST = {
  /** Attempts of clients that are not known yet. */
  anonymous: 200,
  /** Attempts of clients that are. */
  known: 300,
  /** Steps of one attempt. */
  steps: 60,
  /** Characters of all steps together. */
  characters: 4_000_000,
};

/** What one attempt is found by; it has about ten. */
const MOST_KEYS = 200;

export interface TraceBook {
  create(id: string): Trace;
  /** @returns whether the step is a new one; a repetition only counts */
  append(trace: Trace, step: AttemptStep): boolean;
  remove(trace: Trace, step: AttemptStep): void;
  /** Oldest first. */
  by(key: string): Trace[];
  addKey(trace: Trace, key: string): void;
  /** Oldest first. */
  all(): Trace[];
  /** By its id, or one that another replica uses. */
  get(id: string): Trace | undefined;
}

export function createTraceBook(): TraceBook {
  const traces = new Map<string, Trace>();
  const index = new Map<string, Set<Trace>>();
  let characters = 0;

  function addKey(trace: Trace, key: string): void {
    if (trace.keys.has(key) || trace.keys.size > MOST_KEYS) return;
    trace.keys.add(key);
    const found = index.get(key);
    if (found) found.add(trace);
    else index.set(key, new Set([trace]));
  }

  function forget(trace: Trace): void {
    traces.delete(trace.id);
    for (const step of trace.steps) characters -= sizeOf(step);
    for (const key of trace.keys) {
      const found = index.get(key);
      found?.delete(trace);
      if (found?.size === 0) index.delete(key);
    }
  }

  /** Oldest first: a Map iterates in order of insertion. */
  function makeRoom(kept: Trace): void {
    const kinds = { anonymous: 0, known: 0 };
    for (const { kind } of traces.values()) kinds[kind] += 1;
    for (const trace of traces.values()) {
      const { kind } = trace;
      const isOver = kinds[kind] > MOST[kind] || characters > MOST.characters;
      if (!isOver || trace === kept) continue;
      kinds[kind] -= 1;
      forget(trace);
    }
  }

  function remove(trace: Trace, step: AttemptStep): void {
    const at = trace.steps.indexOf(step);
    if (at < 0) return;
    trace.steps.splice(at, 1);
    characters -= sizeOf(step);
  }

  return {
    create(id) {
      const trace: Trace = {
        id,
        steps: [],
        keys: new Set(),
        calledBy: new Map(),
        kind: "anonymous",
        isOurs: true,
        announced: "",
      };
      traces.set(id, trace);
      addKey(trace, `id:${id}`);
      return trace;
    },
    append(trace, step) {
      const isFirst = trace.steps.length === 0;
      const kindBefore = trace.kind;
      if (step.clientId !== undefined) trace.kind = "known";
      const same = trace.steps.find((seen) => isSame(seen, step));
      if (same) remove(trace, same);
      const next = same ? { ...step, times: (same.times ?? 1) + 1 } : step;
      trace.steps.push(next);
      trace.steps.sort((a, b) => a.at - b.at); // steps of other replicas may come a little late
      characters += sizeOf(next);
      // The first one tells how it began.
      if (trace.steps.length > MOST.steps) remove(trace, trace.steps[1]!);
      if (!same) for (const key of keysOf(step)) addKey(trace, key);
      if (isFirst || trace.kind !== kindBefore || characters > MOST.characters) makeRoom(trace);
      return same === undefined;
    },
    remove,
    addKey,
    by: (key) => [...(index.get(key) ?? [])],
    all: () => [...traces.values()],
    get: (id) => [...(index.get(`id:${id}`) ?? [])][0],
  };
}

/** The last word of each member that says who it is. */
export function summaryOf({
  steps,
}: Pick<Trace, "steps">): Pick<
  AttemptStep,
  "clientId" | "clientName" | "resource" | "subject" | "source" | "userAgent"
> {
  const last = <K extends keyof AttemptStep>(name: K): Pick<AttemptStep, K> => {
    const step = steps.findLast((one) => one[name] !== undefined);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed name loses its type
    return (step ? { [name]: step[name] } : {}) as Pick<AttemptStep, K>;
  };
  const peer = steps.find((step) => isByClient(step) && step.source !== undefined);
  return {
    ...last("clientId"),
    ...last("clientName"),
    ...last("resource"),
    ...last("subject"),
    ...(peer?.source !== undefined && { source: peer.source }),
    ...(peer?.userAgent !== undefined && { userAgent: peer.userAgent }),
  };
}

export function peerKey({ source = "", userAgent = "" }: AttemptStep): string {
  return `peer:${source} ${userAgent}`;
}

/** Whether a step is the client's own and not one of the person's browser, which may be anywhere. */
function isByClient({ what }: AttemptStep): boolean {
  return !/^(?:authorize|login\.|consent\.|code\.|client\.)/.test(what);
}

function keysOf(step: AttemptStep): string[] {
  const { source, clientId, interaction, grantId, resource } = step;
  return [
    ...(source !== undefined && isByClient(step) ? [peerKey(step), `source:${source}`] : []),
    ...(clientId === undefined ? [] : [`client:${clientId}`]),
    ...(interaction === undefined ? [] : [`interaction:${interaction}`]),
    ...(grantId === undefined ? [] : [`grant:${grantId}`]),
    ...(resource === undefined ? [] : [`resource:${resource}`]),
  ];
}

function isSame(a: AttemptStep, b: AttemptStep): boolean {
  const { at: _at, times: _times, ...ofA } = a;
  const { at: _otherAt, times: _otherTimes, ...ofB } = b;
  const names = Object.keys(ofA) as (keyof typeof ofA)[];
  return names.length === Object.keys(ofB).length && names.every((name) => ofA[name] === ofB[name]);
}

function sizeOf(step: AttemptStep): number {
  let size = 0;
  for (const value of Object.values(step)) size += typeof value === "string" ? value.length : 8;
  return size;
}
