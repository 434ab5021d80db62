/** Transport rows of 2026-07-28: requests that carry their own metadata. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { eventsOf, messagesOf, post, type Wire } from "../../support/mcp-session.ts";

const ENVELOPE = "io.modelcontextprotocol/";
const VERSION = "2026-07-28";

let server: BridgeServer;
let endpoint: string;
beforeAll(async () => {
  const program = (name: string, ...args: string[]) => ({
    command: process.execPath,
    args: [fixture(name), ...args],
  });
  server = await startBridge({
    services: {
      modern: program("modern-workbench.js"),
      legacy: program("echo.js"),
      dual: program("conformance-server.js"),
      missing: { command: "no-such-command", era: "modern" },
    },
  });
  endpoint = server.endpoint("modern");
});
afterAll(() => server.close());

const meta = (more: object = {}) => ({
  [`${ENVELOPE}protocolVersion`]: VERSION,
  [`${ENVELOPE}clientCapabilities`]: {},
  ...more,
});

const message = (method: string, params: object = {}, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params: { _meta: meta(), ...params },
});

const call = (name: string, given: object = {}, id: unknown = 1, more: object = {}) =>
  message("tools/call", { name, arguments: given, _meta: meta(more) }, id);

/** With the headers that repeat the body. @param headers changes; empty removes */
function send(body: Wire, headers: Record<string, string> = {}, signal?: AbortSignal) {
  const all: Record<string, string> = {
    "mcp-protocol-version": VERSION,
    "mcp-method": body.method,
    ...(body.params?.name && { "mcp-name": body.params.name }),
    ...headers,
  };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
  return post(endpoint, body, { headers: present, ...(signal && { signal }) });
}

const verdict = async (response: Response) => {
  const { id, error } = await response.json();
  return [response.status, error.code, id];
};

async function tool(name: string, given: object = {}, headers = {}): Promise<Wire> {
  const messages = await messagesOf(await send(call(name, given), headers));
  return JSON.parse(messages.at(-1).result.content[0].text);
}

describe("what a request must carry", () => {
  it("M02 M03 is its version and its capabilities, not a name", async () => {
    expect((await send(call("pid"))).status).toBe(200);
    for (const missing of ["protocolVersion", "clientCapabilities"]) {
      const body = message("tools/call", { name: "pid" });
      delete (body.params as Wire)._meta[ENVELOPE + missing];
      expect(await verdict(await send(body))).toEqual([400, -32602, 1]);
    }
  });

  it.each([
    ["M04 no version", { "mcp-protocol-version": "" }, -32020],
    ["M04 another version", { "mcp-protocol-version": "2025-11-25" }, -32020],
    ["M06 no method", { "mcp-method": "" }, -32020],
    ["M06 another method", { "mcp-method": "tools/list" }, -32020],
    ["M06 another case", { "mcp-method": "Tools/Call" }, -32020],
    ["M06 no name", { "mcp-name": "" }, -32020],
    ["M06 another name", { "mcp-name": "crash" }, -32020],
    ["M06 bad padding", { "mcp-name": "=?base64?cGlk=?=" }, -32020],
    ["M06 a bad alphabet", { "mcp-name": "=?base64?cGl%?=" }, -32020],
    ["M06 half a marker", { "mcp-name": "=?base64?cGlk" }, -32020],
  ])("%s is refused", async (_, headers, code) => {
    expect(await verdict(await send(call("pid"), headers))).toEqual([400, code, 1]);
  });

  it("M06 is decoded before it is compared", async () => {
    const encode = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;
    expect((await send(call("pid"), { "mcp-name": encode("pid") })).status).toBe(200);
    const name = "prüfe 🦊";
    const answer = await send(message("prompts/get", { name }), { "mcp-name": encode(name) });
    expect(await verdict(answer)).toEqual([404, -32601, 1]);
  });

  it("M05 refuses a version it does not speak and names those it does", async () => {
    const body = call("pid", {}, 1, { [`${ENVELOPE}protocolVersion`]: "1999-01-01" });
    const response = await send(body, { "mcp-protocol-version": "1999-01-01" });
    const { error } = await response.json();
    expect([response.status, error.code, error.data]).toEqual([
      400,
      -32022,
      { supported: [VERSION], requested: "1999-01-01" },
    ]);
  });

  it.each(["initialize", "ping", "logging/setLevel", "resources/subscribe", "vendor/unknown"])(
    "M09 M23 knows no %s and no session",
    async (method) => {
      const response = await send(message(method, {}, "ü"), { "mcp-session-id": "x" });
      expect(response.headers.get("mcp-session-id")).toBeNull();
      expect(await verdict(response)).toEqual([404, -32601, "ü"]);
    },
  );

  it("is one message, and never a response", async () => {
    expect((await post(endpoint, [call("pid")])).status).toBe(400);
    const response = await send({ jsonrpc: "2.0", id: 1, result: {} }, { "mcp-method": "" });
    expect(response.status).toBe(400);
  });
});

describe("the relay of requests", () => {
  it("shares a server between the requests of one caller, and with nobody else (SB10, SB21)", async () => {
    const [ada, again, bob] = await Promise.all([
      tool("pid"),
      tool("pid"),
      tool("pid", {}, { "x-test-caller": "bob" }),
    ]);
    expect(again).toBe(ada);
    expect(bob).not.toBe(ada);
  });

  it("B04 brings equal ids home", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, text) => await tool("say", { text })),
    );
    expect(answers).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  it("gives progress its own token back, on its own stream", async () => {
    const tokens = ["t", 7, "7"];
    const streams = await Promise.all(
      tokens.map(async (progressToken) =>
        messagesOf(await send(call("progress", {}, "id", { progressToken }))),
      ),
    );
    expect(streams.map(([first]) => first.params.progressToken)).toEqual(tokens);
    expect(streams.map((messages) => messages.length)).toEqual([2, 2, 2]);
  });

  it("M19 cancels what its client does not wait for", async () => {
    const abort = new AbortController();
    const gone = send(call("wait", { ms: 60_000, mark: "left" }), {}, abort.signal);
    await tool("pid");
    abort.abort();
    await expect(gone).rejects.toThrow();
    await expect
      .poll(async () => {
        const all: Wire[] = await tool("received");
        const own = all.find(({ params }) => params?.arguments?.mark === "left").id;
        return (
          all.find(({ method }) => method === "notifications/cancelled")?.params.requestId === own
        );
      })
      .toBe(true);
  });

  it("M20 tells the log only to the one that asked for it", async () => {
    const level = { [`${ENVELOPE}logLevel`]: "info" };
    expect((await messagesOf(await send(call("log", { data: 1 })))).length).toBe(1);
    expect((await messagesOf(await send(call("log", { data: 2 }, 1, level)))).length).toBe(2);
  });

  it("M21 M22 names a subscription by the client's id, acknowledges first and ends it in peace", async () => {
    const listen = message(
      "subscriptions/listen",
      { notifications: { toolsListChanged: true } },
      "mine",
    );
    const streams = await Promise.all([send(listen), send(structuredClone(listen))]);
    for (const stream of streams) {
      const events = eventsOf(stream);
      const seen = [];
      for (let count = 0; count < 2; count += 1)
        seen.push(JSON.parse((await events.next()).value!.data));
      expect(seen.map(({ method }) => method)).toEqual([
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
      ]);
      expect(seen.map(({ params }) => params._meta[`${ENVELOPE}subscriptionId`])).toEqual([
        "mine",
        "mine",
      ]);
    }
    const brief = message("subscriptions/listen", { notifications: {}, brief: true }, 3);
    const last = (await messagesOf(await send(brief))).at(-1);
    expect([last.id, last.result._meta[`${ENVELOPE}subscriptionId`]]).toEqual([3, 3]);
    const ending = await send(listen);
    await server.bridge.end({ subject: "local:ada" }, "test");
    expect((await messagesOf(ending)).at(-1)).toMatchObject({
      id: "mine",
      result: { resultType: "complete", _meta: { [`${ENVELOPE}subscriptionId`]: "mine" } },
    });
  });

  it("B12 answers what a crash interrupts, and goes on with a new server", async () => {
    const before = await tool("pid");
    const response = await send(call("crash"));
    expect(await verdict(response)).toEqual([502, -32603, 1]);
    expect(await tool("pid")).not.toBe(before);
  });
});

describe("eras that do not meet", () => {
  it("answers modern clients of a legacy server by translation (M10)", async () => {
    const answer = await post(server.endpoint("legacy"), message("server/discover"), {
      headers: { "mcp-protocol-version": VERSION, "mcp-method": "server/discover" },
    });
    const { result } = await answer.json();
    expect(answer.status).toBe(200);
    expect(result).toMatchObject({ resultType: "complete", supportedVersions: [VERSION] });
  });

  it.each(["legacy", "modern", "dual"])("lets the SDK's client find its way: %s", async (name) => {
    const options = { versionNegotiation: { mode: "auto" } } as const;
    const client = new Client({ name: "auto", version: "1" }, options);
    await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint(name))));
    const tools = { legacy: "echo", modern: "say", dual: "test_simple_text" } as Record<
      string,
      string
    >;
    const result = await client.callTool({ name: tools[name]!, arguments: { text: "hi" } });
    expect(result.content).toMatchObject([{ type: "text" }]);
    await client.close();
  });

  it("answers with an outage when the server cannot be started", async () => {
    endpoint = server.endpoint("missing");
    const response = await send(call("pid"));
    expect(await verdict(response)).toEqual([503, -32603, 1]);
    endpoint = server.endpoint("modern");
  });
});
