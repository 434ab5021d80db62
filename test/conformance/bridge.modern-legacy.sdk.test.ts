/** The SDK's own client of 2026-07-28 over a server of older revisions, with real processes. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../support/bridge-server.ts";
import { fixture } from "../support/gateway.ts";
import type { Wire } from "../support/mcp-session.ts";

const FORM = { message: "?", requestedSchema: { type: "object", properties: {} } };
const ASK = { method: "elicitation/create", params: FORM };

let server: BridgeServer;
beforeAll(async () => {
  const program = { command: process.execPath, args: [fixture("workbench.js"), "full"] };
  server = await startBridge({ services: { old: program } });
});
afterAll(() => server.close());

describe("the SDK's client", () => {
  const asked: string[] = [];
  let client: Client;
  beforeAll(async () => {
    client = new Client(
      { name: "v2", version: "1" },
      {
        versionNegotiation: { mode: "auto" },
        capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
      },
    );
    client.setRequestHandler("elicitation/create", ({ params }) => {
      asked.push(params.message);
      return { action: "accept", content: { number: asked.length } };
    });
    client.setRequestHandler("sampling/createMessage", () => ({
      model: "test",
      role: "assistant",
      content: { type: "text", text: "sampled" },
    }));
    client.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///home" }] }));
    const transport = new StreamableHTTPClientTransport(new URL(server.endpoint("old")), {
      requestInit: { headers: { "x-test-caller": "sdk" } },
    });
    await client.connect(transport);
  });
  afterAll(() => client.close());

  const text = async (name: string, given: Record<string, unknown>): Promise<Wire> => {
    const result = await client.callTool({ name, arguments: given });
    return JSON.parse((result.content as Wire)[0].text);
  };

  it("finds a server of its own era (M10)", () => {
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
    expect(client.getServerCapabilities()).toMatchObject({ resources: { subscribe: true } });
    expect(client.getServerVersion()).toMatchObject({ name: "workbench" });
  });

  it("answers elicitation, sampling and roots (M14)", async () => {
    const questions = [
      ASK,
      { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } },
      { method: "roots/list" },
    ];
    const answers = await text("askAll", { questions });
    expect(answers.map(({ result }: Wire) => result)).toMatchObject([
      { action: "accept" },
      { content: { text: "sampled" } },
      { roots: [{ uri: "file:///home" }] },
    ]);
  });

  it("goes through several rounds, in tools, prompts and resources (M14)", async () => {
    const before = asked.length;
    const answers = await text("rounds", { count: 3 });
    expect(asked.slice(before)).toEqual(["question 1", "question 2", "question 3"]);
    expect(answers.map(({ content }: Wire) => content.number)).toEqual(
      [1, 2, 3].map((n) => n + before),
    );
    const prompt = await client.getPrompt({ name: "for whom" });
    expect(prompt.description).toContain("accept");
    const { contents } = await client.readResource({ uri: "asks:me" });
    expect((contents[0] as Wire).text).toContain("accept");
    expect(asked.slice(before + 3)).toEqual(["for whom", "asks:me"]);
  });

  it("hears of changes it subscribed to (M21)", async () => {
    const heard: string[] = [];
    client.setNotificationHandler(
      "notifications/tools/list_changed",
      () => void heard.push("tools"),
    );
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      heard.push(params.uri);
    });
    const subscription = await client.listen({
      toolsListChanged: true,
      resourceSubscriptions: ["file:///a"],
    });
    const method = "notifications/resources/updated";
    await text("notify", { method, params: { uri: "file:///a" } });
    await text("notify", { method, params: { uri: "file:///b" } });
    await text("notify", { method: "notifications/tools/list_changed" });
    await expect.poll(() => heard).toEqual(["file:///a", "tools"]);
    expect(await text("subscribed", {})).toEqual(["file:///a"]);
    await subscription.close();
    await expect.poll(() => text("subscribed", {})).toEqual([]);
  });
});
