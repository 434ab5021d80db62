/**
 * The Redis store on a server that syncs once a second and has WAITAOF (Redis 7.2). Debian's is older, so a door before it
 * answers that command, and only that, in its place.
 */
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { UserError } from "../../src/errors.ts";
import { createStore } from "../../src/server/store/index.ts";
import type { Store } from "../../src/server/store/store.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { client, interaction, refreshToken } from "./store-records.ts";

let redis: TestRedis;
let door: Server;
let store: Store;
let waits = 0;
let synced = 1;

beforeAll(async () => {
  redis = await startRedis({ appendfsync: "everysec" });
  door = createServer((incoming) => {
    const outgoing = connect(redis.port, "127.0.0.1");
    outgoing.pipe(incoming);
    let rest = "";
    incoming.setEncoding("latin1").on("data", (chunk: string) => {
      const { commands, left } = parseCommands(rest + chunk);
      rest = left;
      for (const command of commands) outgoing.write(encode(replaced(command)), "latin1");
    });
    incoming.on("close", () => outgoing.destroy()).on("error", () => outgoing.destroy());
    outgoing.on("close", () => incoming.destroy()).on("error", () => incoming.destroy());
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  const { port } = door.address() as { port: number };
  store = await createStore(
    { type: "redis", url: `redis://127.0.0.1:${port}`, prefix: "test", path: "unused" },
    { clock: systemClock, log: pino({ level: "silent" }) },
  );
});
afterAll(async () => {
  await store.close();
  await redis.close();
  door.close();
});
beforeEach(() => {
  waits = 0;
  synced = 1;
});

function replaced(command: readonly string[]): readonly string[] {
  const name = command.join(" ").toLowerCase();
  if (name === "command info waitaof") return ["EVAL", "return {{'waitaof'}}", "0"];
  if (!name.startsWith("waitaof 1 0 ")) return command;
  waits += 1;
  return ["EVAL", `return {${synced}, 0}`, "0"];
}

it("waits for the disk after what must be durable, refusals included, and only then", async () => {
  await store.put("client", "a", client("a"));
  expect(waits).toBe(1);
  expect(await store.replace("client", "a", client("x"), client("b"))).toBe(false);
  expect(waits).toBe(2);
  await store.put("interaction", "i", interaction(), 60);
  await store.increment("k", 60);
  await store.get("client", "a");
  await store.list("client");
  expect(waits).toBe(2);
  await store.deleteGrant("g");
  expect(waits).toBe(3);
});

it("lets transitions at the same time share a wait", async () => {
  await Promise.all(
    Array.from({ length: 50 }, (_, at) => store.put("refreshToken", `${at}`, refreshToken("g"))),
  );
  expect(waits).toBeGreaterThan(0);
  expect(waits).toBeLessThan(25);
});

it("acknowledges nothing that did not reach the disk", async () => {
  synced = 0;
  const put = store.put("client", "b", client("b"));
  await expect(put).rejects.toThrow(UserError);
  await expect(put).rejects.toThrow(/disk/);
});

/** Requests are arrays of bulk strings: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`. */
function parseCommands(text: string): { commands: string[][]; left: string } {
  const commands: string[][] = [];
  let at = 0;
  for (let start = 0; ; start = at) {
    const command: string[] = [];
    const header = /^\*(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (!header) return { commands, left: text.slice(start) };
    at += header[0].length;
    for (let count = Number(header[1]); count > 0; count -= 1) {
      const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
      const end = size ? at + size[0].length + Number(size[1]) : Infinity;
      if (!size || text.length < end + 2) return { commands, left: text.slice(start) };
      command.push(text.slice(at + size[0].length, end));
      at = end + 2;
    }
    commands.push(command);
  }
}

function encode(command: readonly string[]): string {
  return `*${command.length}\r\n${command.map((part) => `$${part.length}\r\n${part}\r\n`).join("")}`;
}
