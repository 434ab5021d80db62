/** A server that sessions share, seen from both sides: what it gets, and what each session gets of it. */
import { beforeEach, describe, expect, it } from "vitest";
import type { JsonRpcMessage } from "../../../src/mcp/json-rpc.ts";
import type { Channel } from "../../../src/bridge/service/service.ts";
import type { Member } from "../../../src/bridge/sharing/member.ts";
import { SharedChild } from "../../../src/bridge/sharing/shared-child.ts";
import { createMovableClock, type MovableClock } from "../../support/movable-clock.ts";
import type { Wire } from "../../support/mcp-session.ts";

let clock: MovableClock;
let channel: Channel & { pid: number };
let child: SharedChild;
/** What the server got. */
let sent: Wire[];
let isClosed: boolean;
let isRetired: boolean;

function start(isPrivate: boolean): void {
  clock = createMovableClock();
  sent = [];
  isClosed = isRetired = false;
  channel = {
    pid: 42,
    start: () => Promise.resolve(),
    send: async (message) => void sent.push(structuredClone(message)),
    close: async () => {
      isClosed = true;
      channel.onclose?.("closed");
    },
  };
  const hello = { protocolVersion: "2025-06-18", capabilities: { tools: {}, tasks: {} } };
  const onRetire = (): void => void (isRetired = true);
  child = new SharedChild({ channel, clock, hello, isPrivate, onRetire });
}
beforeEach(() => start(false));

interface Session {
  member: Member;
  got: Wire[];
  about: unknown[];
  ended: string[];
}

function join(): Session {
  const member = child.join()!;
  const session: Session = { member, got: [], about: [], ended: [] };
  member.onmessage = (message, about) => {
    session.got.push(message);
    session.about.push(about);
  };
  member.onclose = (reason) => session.ended.push(reason);
  return session;
}

const request = (id: number, method = "tools/call", params: object = {}): JsonRpcMessage => ({
  jsonrpc: "2.0",
  id,
  method,
  params: structuredClone(params) as Wire,
});
const notification = (method: string, params: object): JsonRpcMessage => ({
  jsonrpc: "2.0",
  method,
  params: { ...params },
});
const say = (message: JsonRpcMessage, about?: number): void => channel.onmessage!(message, about);
const log = (data: string) => notification("notifications/message", { level: "info", data });

describe("a shared server", () => {
  it("is told that it is initialized, once, by us", async () => {
    const ada = join();
    await ada.member.send(notification("notifications/initialized", {}));
    expect(sent).toEqual([{ jsonrpc: "2.0", method: "notifications/initialized" }]);
  });

  it.each([
    ["2025-11-25", "2025-06-18"],
    ["2025-06-18", "2025-06-18"],
    ["2025-03-26", "2025-03-26"],
  ])("answers who asks for %s with %s, and has no tasks", (protocolVersion, expected) => {
    const answer = child.answer({
      jsonrpc: "2.0",
      id: 7,
      method: "initialize",
      params: { protocolVersion },
    });
    const result = { protocolVersion: expected, capabilities: { tools: {} } };
    expect(answer).toEqual({ jsonrpc: "2.0", id: 7, result });
  });

  it("gives each session its own ids and tokens back (B04)", async () => {
    const [ada, bob] = [join(), join()];
    const meta = { _meta: { progressToken: "t" } };
    for (const { member } of [ada, bob]) await member.send(request(1, "tools/call", meta));
    const [first, second] = sent.slice(1);
    expect(first.id).not.toBe(second.id);
    say(
      notification("notifications/progress", { progressToken: second.params._meta.progressToken }),
    );
    say({ jsonrpc: "2.0", id: second.id, result: "bob's" });
    say({ jsonrpc: "2.0", id: first.id, result: "ada's" });
    say({ jsonrpc: "2.0", id: first.id, result: "again" });
    expect(ada.got).toEqual([{ jsonrpc: "2.0", id: 1, result: "ada's" }]);
    expect(bob.got).toMatchObject([{ params: { progressToken: "t" } }, { id: 1, result: "bob's" }]);
  });

  it("leaves a request as its sender knows it", async () => {
    const [ada, message] = [join(), request(7, "tools/call", { _meta: { progressToken: "t" } })];
    await ada.member.send(message);
    expect(message).toEqual(request(7, "tools/call", { _meta: { progressToken: "t" } }));
  });

  it("hears of a cancelled call under its own id, and only from who made it", async () => {
    const [ada, bob] = [join(), join()];
    await ada.member.send(request(1));
    await bob.member.send(notification("notifications/cancelled", { requestId: 1 }));
    expect(sent).toHaveLength(2);
    await ada.member.send(notification("notifications/cancelled", { requestId: 1 }));
    expect(sent[2].params.requestId).toBe(sent[1].id);
  });

  it("says nothing to who is left after a call was cancelled, for a while", async () => {
    const [ada, bob] = [join(), join()];
    await ada.member.send(request(1));
    await ada.member.close();
    await bob.member.send(request(1));
    say(log("whose?"));
    clock.advance(11);
    say(log("bob's"));
    expect(bob.got).toMatchObject([{ params: { data: "bob's" } }]);
  });

  it("loses what a session had when that leaves, and ends with the last", async () => {
    const [ada, bob] = [join(), join()];
    await ada.member.send(request(1));
    await ada.member.send(request(2, "resources/subscribe", { uri: "x://a" }));
    await ada.member.close();
    expect(sent.slice(3).map(({ method }) => method)).toEqual([
      "notifications/cancelled",
      "notifications/cancelled",
      "resources/unsubscribe",
    ]);
    expect([ada.ended, isClosed]).toEqual([["was left"], false]);
    await expect(ada.member.send(request(3))).rejects.toThrow("left");
    await bob.member.close();
    expect([bob.ended.length, isClosed, isRetired, child.join()]).toEqual([
      1,
      true,
      true,
      undefined,
    ]);
  });

  it("takes everybody along when it ends", () => {
    const [ada, bob] = [join(), join()];
    channel.onclose!("exited with code 7");
    expect([ada.ended, bob.ended, isRetired]).toEqual([
      ["exited with code 7"],
      ["exited with code 7"],
      true,
    ]);
  });

  it("does not count a subscription that it refused", async () => {
    const ada = join();
    await ada.member.send(request(1, "resources/subscribe", { uri: "x://a" }));
    say({ jsonrpc: "2.0", id: sent[1].id, error: { code: -32_602, message: "no" } });
    say(notification("notifications/resources/updated", { uri: "x://a" }));
    expect(ada.got).toMatchObject([{ id: 1, error: {} }]);
  });

  it("does not count a level that it refused or that does not exist", async () => {
    const [ada, bob] = [join(), join()];
    await ada.member.send(request(1, "logging/setLevel", { level: "emergency" }));
    say({ jsonrpc: "2.0", id: sent[1].id, error: { code: -32_602, message: "no" } });
    await bob.member.send(request(1, "logging/setLevel", { level: "loud" }));
    expect(sent[2].params.level).toBe("loud");
    say({ jsonrpc: "2.0", id: sent[2].id, error: { code: -32_602, message: "no" } });
    await ada.member.send(request(2));
    say(log("heard"));
    expect(ada.got.at(-1)).toMatchObject({ params: { data: "heard" } });
  });

  it("is refused what it asks of several persons, and what they would tell it about themselves is dropped", async () => {
    const ada = join();
    await ada.member.send(request(1));
    say(request(5, "roots/list"));
    say(request(6, "ping"));
    await ada.member.send(notification("notifications/roots/list_changed", {}));
    await ada.member.send({ jsonrpc: "2.0", id: 5, result: { roots: [] } });
    expect(sent.slice(2)).toEqual([
      expect.objectContaining({ id: 5, error: expect.anything() }),
      { jsonrpc: "2.0", id: 6, result: {} },
    ]);
    expect(ada.got).toEqual([]);
  });

  it("may ask when its channel knows for whom", async () => {
    const [ada, bob] = [join(), join()];
    await ada.member.send(request(1));
    await bob.member.send(request(8));
    say(request(5, "elicitation/create"), sent[2].id);
    expect([ada.got, bob.got.length, bob.about]).toEqual([[], 1, [8]]);
    await ada.member.send({ jsonrpc: "2.0", id: 5, result: "forged" });
    await bob.member.send({ jsonrpc: "2.0", id: 5, result: "bob's" });
    expect(sent.slice(3)).toEqual([{ jsonrpc: "2.0", id: 5, result: "bob's" }]);
  });
});

describe("a server that sessions of one person share", () => {
  beforeEach(() => start(true));

  it("asks the only session that has a call running, and takes the question back there", async () => {
    const [ada, again] = [join(), join()];
    await ada.member.send(request(1));
    say(request(5, "elicitation/create"));
    say(notification("notifications/cancelled", { requestId: 5 }));
    await ada.member.send({ jsonrpc: "2.0", id: 5, result: "too late" });
    expect(ada.got.map(({ method }) => method)).toEqual([
      "elicitation/create",
      "notifications/cancelled",
    ]);
    expect([again.got, sent.length]).toEqual([[], 2]);
  });

  it("gets an answer when the session that was asked leaves", async () => {
    const [ada] = [join(), join()];
    await ada.member.send(request(1));
    say(request(5, "elicitation/create"));
    await ada.member.close();
    expect(sent.at(-1)).toMatchObject({ id: 5, error: { code: -32_603 } });
  });

  it("speaks to the only session when nothing runs, and keeps its tasks", () => {
    const ada = join();
    say(log("alone"));
    join();
    say(log("whose?"));
    expect(ada.got).toMatchObject([{ params: { data: "alone" } }]);
    const answer = child.answer({ jsonrpc: "2.0", id: 1, method: "initialize" });
    expect(answer).toMatchObject({ result: { capabilities: { tasks: {} } } });
  });
});
