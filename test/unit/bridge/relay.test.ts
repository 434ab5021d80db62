/** Bridge rows: messages pass unchanged, and find their way back among many. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../support/bridge-server.ts";
import { fixture } from "../../support/gateway.ts";
import { messagesOf, openSession, type Wire } from "../../support/mcp-session.ts";

let server: BridgeServer;
let endpoint: string;
beforeAll(async () => {
  server = await startBridge({
    services: { bench: { command: process.execPath, args: [fixture("workbench.js")] } },
  });
  endpoint = server.endpoint("bench");
});
afterAll(() => server.close());

const call = (id: unknown, name: string, given: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: given },
});

describe("the relay", () => {
  it.each([0, "0", 1, "1", -5, 1.5, 9_007_199_254_740_991, "9007199254740993", "ü 🦊", ""])(
    "B03 returns the id %j as it was",
    async (id) => {
      const session = await openSession(endpoint);
      const response = await session.post({ jsonrpc: "2.0", id, method: "ping" });
      expect(await response.json()).toEqual({ jsonrpc: "2.0", id, result: {} });
      await session.delete();
    },
  );

  it("B03 returns numbers that JavaScript cannot hold, ids and all that is within", async () => {
    const session = await openSession(endpoint);
    const big = "9007199254740993";
    const params = `{"deep":[${big},-12345678901234567890,"${big}"]}`;
    const body = `{"jsonrpc":"2.0","id":${big},"method":"vendor/raw","params":${params}}`;
    const answer = await (await session.post(body)).text();
    expect(answer).toContain(`"id":${big},`);
    expect(answer).toContain(`"params":${params}}`);
    const near = `{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}`;
    expect(await (await session.post(near)).text()).toContain('"id":9007199254740992,');
    const endless = await session.post('{"jsonrpc":"2.0","id":1e999,"method":"ping"}');
    expect([endless.status, (await endless.json()).error.code]).toEqual([400, -32600]);
    await session.delete();
  });

  it('B03 keeps 1 and "1" apart when both run', async () => {
    const session = await openSession(endpoint);
    const answers = await Promise.all(
      [1, "1"].map(async (id) =>
        messagesOf(await session.post(call(id, "say", { text: typeof id }))),
      ),
    );
    expect(answers.flat().map(({ id, result }) => [id, result.content[0].text])).toEqual([
      [1, '"number"'],
      ["1", '"string"'],
    ]);
    await session.delete();
  });

  it("B04 brings every one of many equal ids home", async () => {
    const sessions = await Promise.all(
      ["ada", "bob", "eve"].map((caller) => openSession(endpoint, { caller })),
    );
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const session = sessions[index % 3]!;
        const response = await session.post(call(Math.floor(index / 3), "say", { text: index }));
        const [message] = await messagesOf(response);
        return [message.id, JSON.parse(message.result.content[0].text)];
      }),
    );
    expect(answers).toEqual(answers.map((_, index) => [Math.floor(index / 3), index]));
    await Promise.all(sessions.map((session) => session.delete()));
  });

  it("B05 refuses an id that is still running and does not harm the first", async () => {
    const session = await openSession(endpoint);
    const first = session.post(call(7, "wait", { ms: 150 }));
    await session.tool("pid");
    const second = await session.post(call(7, "count"));
    expect(second.status).toBe(400);
    expect(await second.json()).toMatchObject({ id: 7, error: { code: -32600 } });
    expect((await messagesOf(await first)).at(-1)).toMatchObject({ id: 7, result: {} });
    // It was refused, not run; and the id is free again.
    const third = await messagesOf(await session.post(call(7, "count")));
    expect(third[0].result.content[0].text).toBe("1");
    await session.delete();
  });

  it("B06 T23 shares no server between sessions, not even of one caller (SB21)", async () => {
    const ada = await openSession(endpoint);
    const again = await openSession(endpoint);
    const bob = await openSession(endpoint, { caller: "bob" });
    await ada.request("logging/setLevel", { level: "debug" });
    await ada.tool("count");
    expect(await ada.tool("count")).toBe(2);
    for (const other of [again, bob]) {
      expect(await other.tool("count")).toBe(1);
      expect(await other.tool("level")).toBe("none");
    }
    const pids = await Promise.all([ada, again, bob].map((session) => session.tool("pid")));
    expect(new Set(pids).size).toBe(3);
    await Promise.all([ada, again, bob].map((session) => session.delete()));
  });

  it("passes unknown methods, members and errors unchanged", async () => {
    const session = await openSession(endpoint);
    expect(session.hello["x-unknown"]).toEqual({ kept: true });
    const params = { deep: [{ ü: null }], __proto__x: 1, _meta: { "vendor/key": { a: 1 } } };
    const { result } = await session.request("vendor/anything", params);
    expect(result).toEqual({ echo: params, "x-extra": [1, "ü", null] });
    const { error } = await session.request("vendor/unknown");
    expect(error).toEqual({ code: -32601, message: "unknown", data: { its: "own" } });
    await session.delete();
  });

  it("T19 cancels by the server's own id, and only what runs", async () => {
    const session = await openSession(endpoint);
    const running = session.post(call("mine", "wait", { ms: 5000 }));
    await session.tool("pid");
    const cancel = (requestId: unknown) =>
      session.post({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId, reason: "bored" },
      });
    await cancel("never ran");
    await cancel("mine");
    expect((await messagesOf(await running)).at(-1)).toMatchObject({ id: "mine", error: {} });
    const received = await session.tool("received");
    const own = received.find(({ params }: Wire) => params?.name === "wait").id;
    const cancelled = received.filter(({ method }: Wire) => method === "notifications/cancelled");
    expect(cancelled.map(({ params }: Wire) => params)).toEqual([
      { requestId: own, reason: "bored" },
    ]);
    await session.delete();
  });

  it("B11 writes one line for one message, whatever is in it", async () => {
    const session = await openSession(endpoint);
    const text = 'a\nb\r\n\u2028 "quoted" \\ \u0000';
    expect(await session.tool("say", { text })).toBe(text);
    await session.delete();
  });

  it("B15 tells the server nothing about the caller", async () => {
    const session = await openSession(endpoint);
    const headers = {
      authorization: "Bearer secret-of-the-caller",
      cookie: "secret-of-the-caller=1",
      "x-auth-subject": "secret-of-the-caller",
    };
    const response = await session.post(call(1, "env"), { headers });
    const received = JSON.stringify([await response.json(), await session.tool("received")]);
    for (const secret of ["secret-of-the-caller", session.id, "local:ada", "client-of-ada"]) {
      expect(received).not.toContain(secret);
    }
    await session.delete();
  });
});
