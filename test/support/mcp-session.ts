/**
 * An MCP client that hides nothing: one session over Streamable HTTP, raw messages in, raw responses out.
 */
import { expect } from "vitest";

/** What came over the wire; a test says what it expects of it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Wire = any;

export interface RawEvent {
  id?: string;
  retry?: string;
  /** Empty for a priming event. */
  data: string;
}

export interface McpSession {
  id: string;
  /** Result of `initialize`. */
  hello: Record<string, unknown>;
  headers: Record<string, string>;
  post(body: unknown, more?: RequestInit): Promise<Response>;
  /** Post a request with the next id, wait for its response wherever it comes. */
  request(method: string, params?: unknown): Promise<{ result?: Wire; error?: Wire; id: unknown }>;
  /** A tool of `workbench.js`. @returns what it says, parsed */
  tool(name: string, given?: unknown): Promise<Wire>;
  get(headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  delete(): Promise<Response>;
}

export const ACCEPT = "application/json, text/event-stream";

export function post(endpoint: string, body: unknown, more: RequestInit = {}): Promise<Response> {
  return fetch(endpoint, {
    ...more,
    method: "POST",
    headers: { accept: ACCEPT, "content-type": "application/json", ...(more.headers as object) },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export const initialize = (version = "2025-11-25", capabilities: object = {}) => ({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: version,
    capabilities,
    clientInfo: { name: "raw", version: "1" },
  },
});

export async function openSession(
  endpoint: string,
  options: { version?: string; caller?: string; capabilities?: object } = {},
): Promise<McpSession> {
  const caller = options.caller ?? "ada";
  const opened = await post(endpoint, initialize(options.version, options.capabilities), {
    headers: { "x-test-caller": caller },
  });
  expect(opened.status).toBe(200);
  const { result: hello } = await opened.json();
  const id = opened.headers.get("mcp-session-id")!;
  const headers = { "x-test-caller": caller, "mcp-session-id": id };
  let next = 1;
  const session: McpSession = {
    id,
    hello,
    headers,
    post: (body, more = {}) =>
      post(endpoint, body, { ...more, headers: { ...headers, ...(more.headers as object) } }),
    async request(method, params) {
      const own = next++;
      const response = await session.post({ jsonrpc: "2.0", id: own, method, params });
      const messages = await messagesOf(response);
      return messages.find((message) => message.id === own && !message.method);
    },
    async tool(name, given) {
      const { result } = await session.request("tools/call", { name, arguments: given });
      return JSON.parse(result.content[0].text);
    },
    get: (more = {}, signal) =>
      fetch(endpoint, {
        headers: { ...headers, accept: "text/event-stream", ...more },
        ...(signal && { signal }),
      }),
    delete: () => fetch(endpoint, { method: "DELETE", headers }),
  };
  const ready = await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
  expect(ready.status).toBe(202);
  return session;
}

/** Events as they arrive; ends when the stream does. */
export async function* eventsOf(response: Response): AsyncGenerator<RawEvent> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      if (block.startsWith(":")) continue;
      const fields = block.split("\n").map((line) => line.split(/: ?(.*)/s, 2) as [string, string]);
      yield { data: "", ...Object.fromEntries(fields) };
    }
  }
}

/** Every event of a stream that ends. */
export async function allEvents(response: Response): Promise<RawEvent[]> {
  const events = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

/** Every message of a whole response, whichever form it has. */
export async function messagesOf(response: Response): Promise<Wire[]> {
  if (response.headers.get("content-type") === "application/json") {
    return [await response.json()].flat();
  }
  const messages = [];
  for await (const { data } of eventsOf(response)) if (data) messages.push(JSON.parse(data));
  return messages;
}
