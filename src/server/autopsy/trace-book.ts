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

/** How the keys begin by which only attempts without a known client are found. */
const STRANGER = "stranger:";

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
  const kinds = { anonymous: 0, known: 0 };
  let characters = 0;

  function addKey(trace: Trace, key: string): void {
    if (trace.keys.has(key) || trace.keys.size > MOST_KEYS) return;
    trace.keys.add(key);
    const found = index.get(key);
    if (found) found.add(trace);
    else index.set(key, new Set([trace]));
  }

  function removeKey(trace: Trace, key: string): void {
    const found = index.get(key);
    found?.delete(trace);
    if (found?.size === 0) index.delete(key);
  }

  function forget(trace: Trace): void {
    traces.delete(trace.id);
    kinds[trace.kind] -= 1;
    for (const step of trace.steps) characters -= sizeOf(step);
    for (const key of trace.keys) removeKey(trace, key);
  }

  /** Oldest first: a Map iterates in order of insertion. */
  function makeRoom(kept: Trace): void {
    const isOver = (kind: Trace["kind"]): boolean =>
      kinds[kind] > MOST[kind] || characters > MOST.characters;
    for (const trace of traces.values()) {
      if (!isOver("anonymous") && !isOver("known")) return;
      if (trace !== kept && isOver(trace.kind)) forget(trace);
    }
  }

  /** A step has named its client: it is no stranger any more. */
  function introduce(trace: Trace): void {
    kinds.anonymous -= 1;
    kinds.known += 1;
    trace.kind = "known";
    for (const key of trace.keys) {
      if (!key.startsWith(STRANGER)) continue;
      trace.keys.delete(key);
      removeKey(trace, key);
    }
  }

  /** In order of time: steps of other replicas may come a little late. */
  function insert({ steps }: Trace, step: AttemptStep): void {
    const before = steps.findLastIndex(({ at }) => at <= step.at);
    steps.splice(before + 1, 0, step);
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
      kinds.anonymous += 1;
      addKey(trace, `id:${id}`);
      return trace;
    },
    append(trace, step) {
      const isFirst = trace.steps.length === 0;
      const isIntroduced = step.clientId !== undefined && trace.kind === "anonymous";
      if (isIntroduced) introduce(trace);
      const same = trace.steps.find((seen) => isSame(seen, step));
      if (same) remove(trace, same);
      const next = same ? { ...step, times: (same.times ?? 1) + 1 } : step;
      insert(trace, next);
      characters += sizeOf(next);
      // The first one tells how it began.
      if (trace.steps.length > MOST.steps) remove(trace, trace.steps[1]!);
      if (!same) for (const key of keysOf(step, trace.kind)) addKey(trace, key);
      if (isFirst || isIntroduced || characters > MOST.characters) makeRoom(trace);
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

/** The peers whose client is not known yet. */
export function strangerKey({ source = "", userAgent = "" }: AttemptStep): string {
  return `${STRANGER}${source} ${userAgent}`;
}

/** Whether a step is the client's own and not one of the person's browser, which may be anywhere. */
function isByClient({ what }: AttemptStep): boolean {
  return !/^(?:authorize|login\.|consent\.|code\.|client\.)/.test(what);
}

function keysOf(step: AttemptStep, kind: Trace["kind"]): string[] {
  const { source, clientId, interaction, grantId, resource } = step;
  const isFromClient = source !== undefined && isByClient(step);
  return [
    ...(isFromClient ? [peerKey(step), `source:${source}`] : []),
    ...(isFromClient && kind === "anonymous" ? [strangerKey(step)] : []),
    ...(clientId === undefined ? [] : [`client:${clientId}`]),
    ...(interaction === undefined ? [] : [`interaction:${interaction}`]),
    ...(grantId === undefined ? [] : [`grant:${grantId}`]),
    ...(resource === undefined ? [] : [`resource:${resource}`]),
  ];
}

/** Whether two steps differ in nothing but when and how often. */
function isSame(a: AttemptStep, b: AttemptStep): boolean {
  if (a.what !== b.what) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof AttemptStep>;
  for (const name of names) {
    if (name !== "at" && name !== "times" && a[name] !== b[name]) return false;
  }
  return true;
}

function sizeOf(step: AttemptStep): number {
  let size = 0;
  for (const value of Object.values(step)) size += typeof value === "string" ? value.length : 8;
  return size;
}
