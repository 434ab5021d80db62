/** Who shares a server with whom, and that nothing of one reaches the other: requests of 2026-07-28. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import { eventsOf, messagesOf, openSession, type Wire } from "../support/mcp-session.ts";
import { modernRequest, postModern, withLog } from "../support/modern-request.ts";

const program = (
  isolation: "session" | "user" | "shared",
  era: "modern" | "legacy" = "modern",
) => ({
  command: process.execPath,
  args: [fixture(era === "modern" ? "modern-workbench.js" : "workbench.js")],
  era,
  isolation,
});

let server: BridgeServer;
beforeAll(async () => {
  server = await startBridge({
    services: {
      session: program("session"),
      user: program("user"),
      shared: program("shared"),
      translated: program("shared", "legacy"),
    },
  });
});
afterAll(() => server.close());

const call = (name: string, given: object = {}, id: unknown = 1, meta: object = {}) =>
  modernRequest("tools/call", { name, arguments: given }, id, meta);

const send = (service: string, body: Wire, caller = "ada", signal?: AbortSignal) =>
  postModern(server.endpoint(service), body, { caller, ...(signal && { signal }) });

async function tool(service: string, name: string, caller = "ada"): Promise<Wire> {
  const [answer] = await messagesOf(await send(service, call(name), caller));
  return JSON.parse(answer.result.content[0].text);
}

describe("one server of 2026-07-28 for whom", () => {
  it("is told by the configuration (B06)", async () => {
    for (const [isolation, servers] of [
      ["session", 2],
      ["user", 2],
      ["shared", 1],
    ] as const) {
      const pids = await Promise.all(
        ["ada", "ada", "bob"].map((caller) => tool(isolation, "pid", caller)),
      );
      expect(pids[0]).toBe(pids[1]);
      expect(new Set(pids).size).toBe(servers);
    }
  });

  it("stays when the requests of one of them are ended", async () => {
    const pid = await tool("shared", "pid");
    const [ada, bob] = ["ada", "bob"].map((caller) =>
      send("shared", call("wait", { ms: 300 }), caller).then(messagesOf),
    );
    await tool("shared", "pid", "eve");
    expect(await server.bridge.end({ grantId: "grant-of-ada" }, "revoked")).toBe(1);
    expect(await ada).toMatchObject([{ error: { message: "revoked" } }]);
    expect(await bob).toMatchObject([{ result: {} }]);
    // Nothing runs now, and the newest caller's grant ends: the server is still everybody's.
    expect(await tool("shared", "pid", "ada")).toBe(pid);
    await server.bridge.end({ subject: "local:ada" }, "revoked");
    expect(await tool("shared", "pid", "bob")).toBe(pid);
    await server.bridge.end({ service: "shared" }, "restart");
    await expect.poll(() => server.bridge.health()["shared"]!.children).not.toContain(pid);
  });

  it("has no tasks when it is shared, for it cannot tell whose they are (B07)", async () => {
    const request = modernRequest("tasks/get", { taskId: "guessed" });
    const headers = { "mcp-name": "guessed" };
    const response = await postModern(server.endpoint("shared"), request, { headers });
    expect([response.status, (await response.json()).error.code]).toEqual([404, -32_601]);
  });
});

describe("one server of older revisions for whom", () => {
  const asking = {
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };

  it("is told by the configuration, for clients of both revisions (B06)", async () => {
    const endpoint = server.endpoint("translated");
    const session = await openSession(endpoint, { caller: "eve" });
    const pid = await session.tool("pid");
    const pids = await Promise.all(
      ["ada", "bob", "ada"].map(async (caller, index) => {
        const body = call("pid", {}, 1, index === 2 ? asking : {});
        const [answer] = await messagesOf(await send("translated", body, caller));
        return JSON.parse(answer.result.content[0].text);
      }),
    );
    expect(pids).toEqual([pid, pid, pid]);
    // It was introduced once, by nobody in particular, so it may ask nobody.
    const question = { method: "elicitation/create", params: { message: "Who?" } };
    const [answer] = await messagesOf(await send("translated", call("ask", question, 1, asking)));
    expect(JSON.parse(answer.result.content[0].text)).toMatchObject({ error: { code: -32_601 } });
    await session.delete();
    expect(await tool("translated", "pid", "bob")).toBe(pid);
  });

  it("ends its calls with it, and a fresh one serves what comes next (B12)", async () => {
    const waiting = send("translated", call("wait", { ms: 60_000 }), "bob").then(messagesOf);
    const pid = await tool("translated", "pid");
    process.kill(pid);
    expect(await waiting).toMatchObject([{ error: {} }]);
    expect(await tool("translated", "pid")).not.toBe(pid);
  });
});

describe("a hundred clients with the same ids, progress tokens and subscriptions (B04, M21)", () => {
  it.each(["session", "user", "shared", "translated"])(
    "get what is theirs and nothing else: %s",
    { timeout: 120_000 },
    async (service) => {
      const clients = Array.from({ length: 100 }, (_, index) => index);
      const answers = await Promise.all(
        clients.map(async (index) => {
          const body = call("tell", { mark: `m${index}` }, "same", { progressToken: "token" });
          return (await messagesOf(await send(service, body, `person${index % 10}`))).map(
            (message) =>
              message.method
                ? [message.params.progressToken, message.params.message]
                : [message.id, JSON.parse(message.result.content[0].text)],
          );
        }),
      );
      expect(answers).toEqual(
        clients.map((index) => [
          ["token", `m${index}`],
          ["same", `m${index}`],
        ]),
      );
    },
  );

  it.each(["session", "shared"])("are told what they subscribed to: %s", async (service) => {
    const tag = "io.modelcontextprotocol/subscriptionId";
    const abort = new AbortController();
    const clients = Array.from({ length: 100 }, (_, index) => index);
    const acknowledged = await Promise.all(
      clients.map(async (index) => {
        const notifications = { resourceSubscriptions: [`mark://${index}`] };
        const body = modernRequest("subscriptions/listen", { notifications }, "same");
        const response = await send(service, body, `person${index % 10}`, abort.signal);
        const { value } = await eventsOf(response).next();
        return JSON.parse(value!.data);
      }),
    );
    abort.abort();
    expect(acknowledged.map(({ params }) => [params._meta[tag], params.notifications])).toEqual(
      clients.map((index) => ["same", { resourceSubscriptions: [`mark://${index}`] }]),
    );
  });
});

describe("the log of a shared server of 2026-07-28 (M20)", () => {
  const log = (caller: string, meta: object) =>
    send("shared", call("log", { data: `of ${caller}` }, 1, meta), caller).then(messagesOf);

  it("goes to who asked for it, and to nobody while another's request runs", async () => {
    expect(await log("ada", withLog("info"))).toMatchObject([{ params: { data: "of ada" } }, {}]);
    expect(await log("bob", {})).toHaveLength(1);
    const waiting = send("shared", call("wait", { ms: 200 }), "bob").then(messagesOf);
    await tool("shared", "pid", "bob");
    expect(await log("ada", withLog("info"))).toHaveLength(1);
    expect(await waiting).toHaveLength(1);
    expect(await log("ada", withLog("info"))).toHaveLength(2);
  });

  it("of a request that was left does not reach who comes next", async () => {
    const abort = new AbortController();
    const left = send("shared", call("wait", { ms: 60_000 }), "bob", abort.signal);
    await tool("shared", "pid", "bob");
    abort.abort();
    await expect(left).rejects.toThrow();
    await expect.poll(() => log("ada", withLog("info"))).toHaveLength(1);
  });
});
