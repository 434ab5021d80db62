/**
 * The tools of the echo server. Each tells something about what reached it, and nothing that would be a secret: names of
 * variables without their values, headers without credentials.
 */
import type { Clock } from "../clock.ts";

/** What is known of a conversation (revisions with `initialize`): of the process, or of one `Mcp-Session-Id`. */
export interface EchoSession {
  readonly openedAt: number;
  protocolVersion?: string;
  client?: unknown;
  capabilities?: unknown;
  requests: number;
  /** What `echo` was given last. */
  last?: string;
}

/** How one message came. */
export interface Arrival {
  readonly transport: "stdio" | "http";
  /** As they came, names in lower case; none over stdio. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** Seconds since the epoch. */
  readonly receivedAt: number;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  /** Sends a notification about this message, where that is possible. */
  notify?(method: string, params: Record<string, unknown>): void;
}

interface ToolCall {
  readonly given: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly era: "legacy" | "modern";
  /** Absent where every request stands alone. */
  readonly session: EchoSession | undefined;
  readonly arrival: Arrival;
  readonly clock: Clock;
  readonly startedAt: number;
}

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: object;
  /** Whether it remembers something from one call to the next. */
  readonly isStateful?: true;
  /** @returns a text, or facts @throws ToolFailure in a sentence for the caller */
  call(call: ToolCall): unknown;
}

export class ToolFailure extends Error {}

const NOTHING = { type: "object", properties: {}, additionalProperties: false };
const LONGEST_WAIT = 60; // seconds

/** Never shown: whoever sees the answer of a tool could use them. */
const CREDENTIALS = /^(?:authorization|proxy-authorization|cookie|dpop)$|secret|password|api-?key/;

export const TOOLS: readonly Tool[] = [
  {
    name: "echo",
    description: "Returns the text it is given.",
    inputSchema: {
      type: "object",
      properties: { text: { type: "string", description: "What comes back." } },
      required: ["text"],
    },
    call({ given, session }) {
      if (typeof given["text"] !== "string") throw new ToolFailure("text must be a string");
      if (session) session.last = given["text"];
      return given["text"];
    },
  },
  {
    name: "replay",
    description: "Returns what echo was given last in this session.",
    inputSchema: NOTHING,
    isStateful: true,
    call({ session }) {
      if (session?.last === undefined) throw new ToolFailure("Nothing was echoed in this session");
      return session.last;
    },
  },
  {
    name: "request",
    description:
      "Shows how this very call arrived: era, metadata, and over HTTP the headers and the identity in them.",
    inputSchema: NOTHING,
    call: ({ era, meta, arrival, session, clock }) => ({
      transport: arrival.transport,
      era,
      meta,
      client: meta["io.modelcontextprotocol/clientInfo"] ?? session?.client ?? null,
      ...(arrival.headers ? describeHeaders(arrival.headers) : { headers: "none over stdio" }),
      receivedAt: new Date(arrival.receivedAt * 1000).toISOString(),
      handledAfterMs: Math.round((clock.now() - arrival.receivedAt) * 1e6) / 1000,
    }),
  },
  {
    name: "session",
    description: "Shows what is known of the session and of the process that serves it.",
    inputSchema: NOTHING,
    call: ({ era, session, clock, startedAt, arrival }) => ({
      transport: arrival.transport,
      era,
      session: session && {
        protocolVersion: session.protocolVersion ?? null,
        client: session.client ?? null,
        capabilities: session.capabilities ?? null,
        requests: session.requests,
        seconds: Math.round(clock.now() - session.openedAt),
      },
      process: {
        pid: process.pid,
        seconds: Math.round(clock.now() - startedAt),
        memoryMiB: Math.round(process.memoryUsage.rss() / 1_048_576),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        directory: process.cwd(),
      },
    }),
  },
  {
    name: "environment",
    description: "Lists the names of the variables in its environment, without their values.",
    inputSchema: NOTHING,
    call: () => ({ names: Object.keys(process.env).toSorted() }),
  },
  {
    name: "wait",
    description:
      "Answers after some seconds, with progress on the way where the caller asks for it.",
    inputSchema: {
      type: "object",
      properties: { seconds: { type: "number", minimum: 0, maximum: LONGEST_WAIT } },
      required: ["seconds"],
    },
    call: waitFor,
  },
];

function describeHeaders(headers: NonNullable<Arrival["headers"]>): Record<string, unknown> {
  const shown = Object.entries(headers).map(([name, value]) => [
    name,
    CREDENTIALS.test(name) ? "[present, not shown]" : value,
  ]);
  const identity = shown.filter(([name]) => String(name).startsWith("x-auth-"));
  return {
    headers: Object.fromEntries(shown),
    identity: Object.fromEntries(identity),
    // The caller's token is for the gateway alone.
    authorization: headers["authorization"] === undefined ? "absent" : "present",
  };
}

async function waitFor({ given, meta, arrival, clock }: ToolCall): Promise<unknown> {
  const { seconds } = given;
  if (typeof seconds !== "number" || !(seconds >= 0 && seconds <= LONGEST_WAIT)) {
    throw new ToolFailure(`seconds must be a number from 0 to ${LONGEST_WAIT}`);
  }
  const { progressToken } = meta;
  const begun = clock.now();
  for (;;) {
    const waited = clock.now() - begun;
    // Timers count in whole milliseconds and may come a little early.
    const isOver = waited > seconds - 0.001;
    if (progressToken !== undefined) {
      const progress = isOver ? seconds : waited;
      arrival.notify?.("notifications/progress", { progressToken, progress, total: seconds });
    }
    if (isOver || arrival.signal.aborted) return { waitedMs: Math.round(waited * 1000) };
    await pause(Math.min(1, seconds - waited), arrival.signal);
  }
}

/** Keeps the process alive, unlike the timers of the clock: somebody waits for the answer. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", done);
  });
}
