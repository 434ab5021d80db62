/** How a server is met for a client that sends `initialize`, whatever is known of its revisions. */
import { describe, expect, it } from "vitest";
import type { AuthInfo } from "../../../src/auth-info.ts";
import { greet } from "../../../src/bridge/greet.ts";
import type { Era, Service } from "../../../src/bridge/service/service.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { DISCOVERED } from "../../support/legacy-bench.ts";
import { ScriptedChannel } from "../../support/scripted-channel.ts";

const hello = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  },
} as const;

/** Let promises settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @param probed what asking for the era would find out */
function bench(known: { configured?: Era; found?: Era }, probed: Era = "legacy") {
  const channels: ScriptedChannel[] = [];
  let probes = 0;
  const service = {
    name: "scripted",
    config: { era: known.configured ?? "auto" },
    health: () => ({ state: "idle", children: [], era: known.found }),
    era: () => Promise.resolve((probes++, probed)),
    connect: () => Promise.resolve((channels.push(new ScriptedChannel()), channels.at(-1)!)),
  } as unknown as Service;
  const clock = createFakeClock();
  const greeted = greet({
    service,
    auth: {} as AuthInfo,
    hello: structuredClone(hello),
    clock,
    signal: new AbortController().signal,
    pendingInput: 60,
  });
  greeted.catch(() => undefined);
  return { channels, clock, greeted, probes: () => probes };
}

const methods = (channel: ScriptedChannel) => channel.received.map(({ method }) => method);

describe("a server whose revisions are known", () => {
  it.each([
    { configured: "legacy" },
    { configured: "dual" },
    { found: "legacy" },
    { found: "dual" },
  ] as const)("is spoken to as it is: %j", async (known) => {
    const { channels, greeted, probes } = bench(known);
    await settle();
    const [channel] = channels;
    expect(channel!.received).toEqual([hello]);
    channel!.answer({ protocolVersion: "2025-11-25" });
    expect((await greeted).channel).toBe(channel);
    expect([probes(), channels.length]).toEqual([0, 1]);
  });

  it.each([{ configured: "modern" }, { found: "modern" }] as const)(
    "is spoken to in translation from the first word on: %j",
    async (known) => {
      const { channels, greeted, probes } = bench(known);
      await settle();
      expect(methods(channels[0]!)).toEqual(["server/discover"]);
      channels[0]!.answer(DISCOVERED);
      expect((await greeted).answer).toMatchObject({
        id: 0,
        result: { protocolVersion: "2025-11-25" },
      });
      expect([probes(), channels.length]).toEqual([0, 1]);
    },
  );

  it("may have changed since, and tells so", async () => {
    const { channels, greeted } = bench({ found: "legacy" });
    await settle();
    channels[0]!.refuse(-32022, "unsupported", { supported: ["2026-07-28"] });
    await settle();
    expect(methods(channels[0]!)).toEqual(["initialize", "server/discover"]);
    channels[0]!.answer(DISCOVERED);
    expect((await greeted).answer).toMatchObject({ result: {} });
  });
});

describe("a server of which nothing is known", () => {
  it("is not probed when it understands initialize (B08)", async () => {
    const { channels, greeted, probes } = bench({});
    await settle();
    expect(channels[0]!.received).toEqual([hello]);
    channels[0]!.answer({ protocolVersion: "2025-11-25" });
    await greeted;
    expect([probes(), channels.length]).toEqual([0, 1]);
  });

  it("goes on in translation when it names its versions, on the same process and without a probe", async () => {
    const { channels, greeted, probes } = bench({});
    await settle();
    channels[0]!.refuse(-32022, "unsupported", { supported: ["2026-07-28"] });
    await settle();
    channels[0]!.answer(DISCOVERED);
    expect((await greeted).answer).toMatchObject({ id: 0, result: { capabilities: {} } });
    expect([probes(), channels.length, channels[0]!.isClosed]).toEqual([0, 1, false]);
  });

  it("is probed when it refuses in some other way, and met afresh when it is modern", async () => {
    const { channels, greeted, probes } = bench({}, "modern");
    await settle();
    channels[0]!.refuse(-32601, "unknown method");
    await settle();
    expect([probes(), channels.length, channels[0]!.isClosed]).toEqual([1, 2, true]);
    expect(methods(channels[1]!)).toEqual(["server/discover"]);
    channels[1]!.answer(DISCOVERED);
    expect((await greeted).answer).toMatchObject({ result: {} });
  });

  it("has its refusal passed on when it is not", async () => {
    const { channels, greeted } = bench({}, "legacy");
    await settle();
    channels[0]!.refuse(-32602, "bad capabilities");
    expect((await greeted).answer).toMatchObject({ id: 0, error: { code: -32602 } });
    expect(channels.length).toBe(1);
  });
});

describe("a server that does not answer", () => {
  it.each([{ configured: "legacy" }, { configured: "modern" }] as const)(
    "is closed after a minute: %j",
    async (known) => {
      const { channels, clock, greeted } = bench(known);
      await settle();
      clock.advance(60);
      await expect(greeted).rejects.toThrow("60 seconds");
      expect(channels[0]!.isClosed).toBe(true);
    },
  );

  it("because it ended says why", async () => {
    const { channels, greeted } = bench({});
    await settle();
    channels[0]!.end("crashed");
    await expect(greeted).rejects.toThrow("crashed");
  });
});

it("keeps what comes right behind the answer", async () => {
  const { channels, greeted } = bench({});
  await settle();
  const message = { jsonrpc: "2.0", method: "notifications/message" };
  channels[0]!.say({ id: "another", result: {} });
  channels[0]!.answer({ protocolVersion: "2025-11-25" });
  channels[0]!.say(message);
  const { answer, early } = await greeted;
  expect(answer).toMatchObject({ id: 0 });
  expect(early).toMatchObject([{ id: "another" }, message]);
});
