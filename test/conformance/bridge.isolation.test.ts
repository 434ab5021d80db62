/** Who shares a server with whom, and that nothing of one reaches the other: sessions of revisions with `initialize`. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import {
  eventsOf,
  initialize,
  messagesOf,
  openSession,
  post,
  type McpSession,
  type Wire,
} from "../support/mcp-session.ts";

const program = (isolation: "session" | "user" | "shared") => ({
  command: process.execPath,
  args: [fixture("workbench.js")],
  era: "legacy" as const,
  isolation,
});

let server: BridgeServer;
beforeAll(async () => {
  server = await startBridge({
    services: {
      session: program("session"),
      user: program("user"),
      shared: program("shared"),
      // One server of 2026-07-28 behind one translation.
      translated: {
        ...program("shared"),
        args: [fixture("modern-workbench.js")],
        era: "modern",
      },
    },
  });
});
afterAll(() => server.close());

const call = (id: unknown, name: string, given: object = {}, progressToken?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: {
    name,
    arguments: given,
    ...(progressToken !== undefined && { _meta: { progressToken } }),
  },
});

/** Everything that comes on a session's GET stream, as it comes. */
async function listen(session: McpSession): Promise<Wire[]> {
  const messages: Wire[] = [];
  const response = await session.get();
  void (async () => {
    for await (const { data } of eventsOf(response)) if (data) messages.push(JSON.parse(data));
  })().catch(() => undefined);
  return messages;
}

const open = (isolation: string, caller = "ada", more: object = {}): Promise<McpSession> =>
  openSession(server.endpoint(isolation), { caller, ...more });

const end = (...sessions: McpSession[]) => Promise.all(sessions.map((session) => session.delete()));

const log = (level: string, data: string) => ({
  method: "notifications/message",
  params: { level, data },
});

/** What a tool call brings, besides its result. */
async function told(session: McpSession, id: number, given: object): Promise<Wire[]> {
  const messages = await messagesOf(await session.post(call(id, "notify", given)));
  return messages.slice(0, -1).map(({ params }) => params?.data);
}

describe("one server for whom", () => {
  it("is told by the configuration (B06)", async () => {
    const pids: Record<string, number[]> = {};
    for (const isolation of ["session", "user", "shared"]) {
      const sessions = await Promise.all(
        ["ada", "ada", "bob"].map((caller) => open(isolation, caller)),
      );
      pids[isolation] = await Promise.all(sessions.map((session) => session.tool("pid")));
      const counts = [];
      for (const session of sessions) counts.push(await session.tool("count"));
      const expected = { session: [1, 1, 1], user: [1, 2, 1], shared: [1, 2, 3] }[isolation];
      expect(counts).toEqual(expected);
      await end(...sessions);
    }
    const [first, second, third] = pids["user"]!;
    expect(new Set(pids["session"]).size).toBe(3);
    expect([first === second, first === third]).toEqual([true, false]);
    expect(new Set(pids["shared"]).size).toBe(1);
  });

  it("ends with the last session and not before", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const pid = await ada.tool("pid");
    await ada.delete();
    expect(await bob.tool("pid")).toBe(pid);
    await bob.delete();
    await expect.poll(() => server.bridge.health()["shared"]!.children).toEqual([]);
    const next = await open("shared");
    expect(await next.tool("pid")).not.toBe(pid);
    await next.delete();
  });

  it("takes all its sessions with it when it dies, and a fresh one serves who comes next (B12)", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const waiting = bob.post(call(5, "wait", { ms: 60_000 })).then(messagesOf);
    await bob.request("ping");
    const crashed = await messagesOf(await ada.post(call(1, "crash", { text: "oh no" })));
    expect(crashed.at(-1)).toMatchObject({ id: 1, error: { code: -32_000 } });
    expect((await waiting).at(-1)).toMatchObject({ id: 5, error: { code: -32_000 } });
    for (const session of [ada, bob]) {
      expect((await session.post({ jsonrpc: "2.0", id: 9, method: "ping" })).status).toBe(404);
    }
    const next = await open("shared", "eve");
    expect(await next.tool("count")).toBe(1);
    await next.delete();
  });

  it("keeps the id of a session for its own principal, whoever shares the server (B07)", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const stolen = { "mcp-session-id": ada.id };
    for (const method of ["POST", "GET", "DELETE"]) {
      const body = { jsonrpc: "2.0", id: 1, method: "ping" };
      const response =
        method === "POST"
          ? await bob.post(body, { headers: stolen })
          : await fetch(server.endpoint("shared"), {
              method,
              headers: { ...bob.headers, ...stolen, accept: "text/event-stream" },
            });
      expect(response.status).toBe(404);
    }
    await end(ada, bob);
  });
});

describe("a hundred clients with the same ids and progress tokens (B04, T22)", () => {
  it.each(["session", "user", "shared", "translated"])(
    "get what is theirs and nothing else, isolation %s",
    { timeout: 120_000 },
    async (isolation) => {
      const people = Array.from({ length: 100 }, (_, index) => `person${index % 10}`);
      const sessions: McpSession[] = [];
      // Some at a time: a hundred processes that start at once would take each other's time.
      for (let first = 0; first < people.length; first += 10) {
        const some = people.slice(first, first + 10);
        sessions.push(...(await Promise.all(some.map((caller) => open(isolation, caller)))));
      }
      const standalone = await Promise.all(sessions.map((session) => listen(session)));
      const rounds = [1, 2].flatMap(() => sessions.map((session, index) => ({ session, index })));
      const answers = await Promise.all(
        rounds.map(async ({ session, index }, place) => {
          const id = place < 100 ? "same" : 1;
          const response = await session.post(call(id, "tell", { mark: `m${index}` }, "token"));
          return (await messagesOf(response)).map((message) =>
            message.method
              ? [message.params.progressToken, message.params.message]
              : [message.id, JSON.parse(message.result.content[0].text)],
          );
        }),
      );
      expect(answers).toEqual(
        rounds.map(({ index }, place) => [
          ["token", `m${index}`],
          [place < 100 ? "same" : 1, `m${index}`],
        ]),
      );
      expect(standalone.flat()).toEqual([]);
      await end(...sessions);
    },
  );

  it("and the same id twice in one of them is refused, the first unharmed (B05)", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const [first, other] = [ada, bob].map((session) => session.post(call(7, "wait", { ms: 150 })));
    await ada.request("ping");
    expect((await ada.post(call(7, "count"))).status).toBe(400);
    for (const running of [first!, other!]) {
      expect((await messagesOf(await running)).at(-1)).toMatchObject({ id: 7, result: {} });
    }
    await end(ada, bob);
  });
});

describe("the log of a shared server", () => {
  it("comes at the level that each session asked for (T23)", async () => {
    const [ada, bob, eve] = await Promise.all(
      ["ada", "bob", "eve"].map((caller) => open("shared", caller)),
    );
    await bob!.request("logging/setLevel", { level: "error" });
    await ada!.request("logging/setLevel", { level: "debug" });
    expect(await bob!.tool("level")).toBe("debug");
    const heard = async (session: McpSession) => [
      ...(await told(session, 11, log("debug", "fine"))),
      ...(await told(session, 12, log("info", "rough"))),
      ...(await told(session, 13, log("error", "bad"))),
    ];
    expect(await heard(ada!)).toEqual(["fine", "rough", "bad"]);
    expect(await heard(bob!)).toEqual(["bad"]);
    expect(await heard(eve!)).toEqual(["rough", "bad"]);
    await ada!.delete();
    await expect.poll(() => bob!.tool("level")).toBe("info");
    expect((await bob!.request("logging/setLevel", { level: "x" })).error).toBeUndefined();
    await end(bob!, eve!);
  });

  it("says nothing to anybody that cannot be told whose it is (B04)", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const standalone = [await listen(ada), await listen(bob)];
    const secret = { ...log("error", "secret"), ms: 0 };
    const running = [ada, bob].map((session) => session.post(call(71, "wait", { ms: 200 })));
    await ada.tool("notify", secret);
    await ada.tool("notifyLater", secret);
    const streams = await Promise.all(running.map(async (each) => messagesOf(await each)));
    await ada.tool("notifyLater", secret);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streams.map((messages) => messages.length)).toEqual([1, 1]);
    expect(standalone).toEqual([[], []]);
    await end(ada, bob);
  });

  it("does not reach who comes after a cancelled call", async () => {
    const [ada, bob] = [await open("shared"), await open("shared", "bob")];
    const running = ada.post(call(1, "wait", { ms: 300 }));
    await ada.request("ping");
    const params = { requestId: 1 };
    await ada.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
    await running;
    // For all that is known the server speaks of the call that was cancelled.
    expect(await told(bob, 2, log("error", "whose?"))).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await told(bob, 3, log("error", "mine"))).toEqual(["mine"]);
    await end(ada, bob);
  });
});

describe("news of a shared server", () => {
  const updated = (uri: string) => ({ method: "notifications/resources/updated", params: { uri } });
  const uris = (messages: Wire[]) => messages.map(({ params }) => params.uri);

  it("about a resource goes to who subscribed, until it unsubscribes (T24)", async () => {
    const [ada, bob, eve] = [
      await open("shared"),
      await open("shared", "bob"),
      await open("shared", "eve"),
    ];
    const standalone = [await listen(ada), await listen(bob), await listen(eve)];
    for (const session of [ada, bob])
      await session.request("resources/subscribe", { uri: "x://a" });
    await eve.request("resources/subscribe", { uri: "x://b" });
    await eve.tool("notify", updated("x://a"));
    await eve.tool("notify", updated("x://a/part"));
    await eve.tool("notify", updated("x://abc"));
    await ada.request("resources/unsubscribe", { uri: "x://a" });
    expect(await ada.tool("subscribed")).toEqual(["x://a", "x://b"]);
    await eve.tool("notify", updated("x://a"));
    const all = [["x://a", "x://a/part"], ["x://a", "x://a/part", "x://a"], []];
    await expect.poll(() => standalone.map(uris)).toEqual(all);
    await bob.delete();
    await expect.poll(() => eve.tool("subscribed")).toEqual(["x://b"]);
    await end(ada, eve);
  });

  it("about its lists goes to each session once (T12)", async () => {
    const [ada, again, bob] = [
      await open("shared"),
      await open("shared"),
      await open("shared", "bob"),
    ];
    const standalone = [await listen(ada), await listen(again), await listen(bob)];
    const method = "notifications/tools/list_changed";
    const messages = await messagesOf(await ada.post(call(1, "notify", { method })));
    expect(messages).toHaveLength(1);
    await expect
      .poll(() => standalone.map((each) => each.map((message) => message.method)))
      .toEqual([[method], [method], [method]]);
    await end(ada, again, bob);
  });
});

describe("what a shared server asks", () => {
  const question = { method: "elicitation/create", params: { message: "Who are you?" } };
  const capabilities = { elicitation: {} };

  it("is refused when several persons share it, and it never heard of anybody", async () => {
    const ada = await open("shared", "ada", { capabilities });
    expect(await ada.tool("ask", question)).toMatchObject({ error: { code: -32_601 } });
    const [hello] = await ada.tool("received");
    expect(hello.params).toEqual({
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "mcp-gateway", version: "1" },
    });
    expect((await ada.request("tasks/list")).error).toMatchObject({ code: -32_601 });
    await ada.delete();
  });

  it("goes to the only session of a person that has a call running", async () => {
    const [ada, again] = [
      await open("user", "ada", { capabilities }),
      await open("user", "ada", { capabilities }),
    ];
    const response = await ada.post(call(1, "ask", question));
    let asked: Wire;
    const messages: Wire[] = [];
    for await (const { data } of eventsOf(response)) {
      if (!data) continue;
      const message = JSON.parse(data);
      messages.push(message);
      if (!message.method) continue;
      asked = message;
      const answer = { jsonrpc: "2.0", id: asked.id, result: { action: "decline" } };
      // The other session may guess its id and cannot answer it.
      const forged = { ...answer, result: { action: "accept" } };
      expect((await again.post(forged)).status).toBe(202);
      await ada.post(answer);
    }
    expect(messages.map(({ method }) => method)).toEqual(["elicitation/create", undefined]);
    expect(JSON.parse(messages[1].result.content[0].text).result).toEqual({ action: "decline" });
    const running = again.post(call(1, "wait", { ms: 100 }));
    await again.request("ping");
    expect(await ada.tool("ask", question)).toMatchObject({ error: { code: -32_601 } });
    await running;
    await end(ada, again);
  });
});

describe("opening sessions of a shared server", () => {
  it("gives each the version it asked for, and streams as that version has them (T02, T17)", async () => {
    const versions = ["2025-11-25", "2025-03-26", "2025-06-18"];
    const sessions = [];
    for (const version of [...versions, "1999-01-01"]) {
      sessions.push(await open("shared", "ada", { version }));
    }
    expect(sessions.map(({ hello }) => hello["protocolVersion"])).toEqual([
      ...versions,
      "2025-11-25",
    ]);
    for (const { hello } of sessions) expect(hello["x-unknown"]).toEqual({ kept: true });
    const primers = [];
    for (const session of sessions) {
      const response = await session.post(call(1, "wait", { ms: 150 }));
      const first = await eventsOf(response).next();
      primers.push(first.value?.data === "");
    }
    expect(primers).toEqual([true, false, false, true]);
    await end(...sessions);
  });

  it("takes one place of the gateway's, and one of each person's (B14)", async () => {
    const small = await startBridge({
      services: { shared: program("shared"), session: program("session") },
      limits: { sessions: 2, sessionsPerUser: 2 },
    });
    const endpoint = small.endpoint("shared");
    const sessions = await Promise.all(
      ["ada", "bob", "eve"].map((caller) => openSession(endpoint, { caller })),
    );
    await openSession(small.endpoint("session"), { caller: "joe" });
    const full = await post(small.endpoint("session"), initialize());
    expect(full.status).toBe(503);
    sessions.push(await openSession(endpoint, { caller: "ada" }));
    expect((await post(endpoint, initialize())).status).toBe(429);
    expect(new Set(await Promise.all(sessions.map((each) => each.tool("pid")))).size).toBe(1);
    await end(...sessions);
    await expect
      .poll(async () => (await post(small.endpoint("session"), initialize())).status)
      .toBe(200);
    await small.close();
  });

  it("tells everybody who waits why it cannot be, and tries again for the next", async () => {
    const broken = await startBridge({
      services: { shared: { command: "no-such-command", isolation: "shared", era: "legacy" } },
    });
    const answers = await Promise.all(
      ["ada", "bob"].map((caller) =>
        post(broken.endpoint("shared"), initialize(), { headers: { "x-test-caller": caller } }),
      ),
    );
    for (const answer of answers) {
      expect((await answer.json()).error.message).toContain("no-such-command");
    }
    expect(broken.bridge.sessions()).toEqual([]);
    await broken.close();
  });
});
