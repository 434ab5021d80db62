import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createStore } from "../../src/server/store/index.ts";
import type { Store } from "../../src/server/store/store.ts";

const KILLS = 80;
const LANES = 8;
const root = fileURLToPath(new URL("../..", import.meta.url));

beforeAll(() => {
  if (!existsSync(join(root, "dist/server/store/lowdb.js")))
    throw new Error("Run npm run build first.");
});

describe("kill -9 of a process that writes", () => {
  it(`loses nothing confirmed and revives nothing deleted, ${KILLS} times`, async () => {
    const directory = createDirectory();
    /** What each lane of earlier runs held when it was last looked at; it must never change again. */
    const settled = new Map<string, string>();
    let confirmations = 0;
    let killsDuringSnapshot = 0;
    for (let run = 0; run < KILLS; run++) {
      // Short journals, so that many kills fall into the taking of a snapshot; sometimes long ones.
      const confirmed = await writeAndKill(directory, run, run % 4 === 3 ? 1_000_000 : 4000);
      const names = readdirSync(directory).filter((name) => /journal|tmp/.test(name));
      if (names.length > 1) killsDuringSnapshot++;
      // A copy: the next writer has to cope with exactly what the kill left.
      const image = createDirectory();
      cpSync(directory, image, { recursive: true });
      const store = await openStore(image);
      for (const [lane, held] of settled) expect(await look(store, lane), lane).toBe(held);
      for (let at = 0; at < LANES; at++) {
        const lane = `${run}.${at}`;
        const step = confirmed.get(lane) ?? -1;
        const held = await look(store, lane);
        expect([stateAfter(step), stateAfter(step + 1)], `${lane} after step ${step}`).toContain(
          held,
        );
        settled.set(lane, held);
        confirmations += step + 1;
      }
      await store.close();
      rmSync(image, { recursive: true });
    }
    expect(confirmations).toBeGreaterThan(KILLS * LANES * 5);
    expect(killsDuringSnapshot).toBeGreaterThan(KILLS / 10);
    const { generation } = JSON.parse(readFileSync(join(directory, "gateway.json"), "utf8")) as { generation: number }; // prettier-ignore
    expect(generation).toBeGreaterThan(KILLS);
    console.log(`store: ${KILLS} kills, ${killsDuringSnapshot} of them during a snapshot, ${generation} generations, ${confirmations} confirmations`); // prettier-ignore
  });
});

describe("two processes that start at once", () => {
  it("over a dead lock: exactly one opens the store, the others name a rival (ST-07)", async () => {
    const directory = createDirectory();
    for (let round = 0; round < 12; round++) {
      const rivals = Array.from({ length: 3 }, () => startHolder(directory));
      for (const rival of rivals) expect(await rival.line()).toBe("ready");
      for (const rival of rivals) rival.child.stdin!.write("go\n");
      const said = await Promise.all(rivals.map((rival) => rival.line()));
      const winner = said.indexOf("open");
      expect(
        said.filter((line) => line === "open"),
        said.join("; "),
      ).toHaveLength(1);
      // Nearly always the winner; a rival that was about to give up may be seen in its place.
      const names = rivals.map(
        ({ child }) => `another gateway (pid ${child.pid}) uses this state directory`,
      );
      for (const line of said.filter((_, at) => at !== winner)) expect(names).toContain(line);
      rivals[winner]!.child.kill("SIGKILL");
      for (const { child } of rivals) child.stdin!.end();
      await Promise.all(rivals.map(({ ended }) => ended));
    }
    // All of them left together no more than one store.
    const names = readdirSync(directory).filter((name) => name.startsWith("gateway"));
    expect(names).toEqual(["gateway.json", "gateway.json.journal.1", "gateway.lock"]);
  });
});

function createDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "gateway-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function openStore(path: string): Promise<Store> {
  const log = pino({ level: "silent" });
  return createStore({ type: "lowdb", path }, { clock: systemClock, log });
}

/** @returns the last confirmed step of each lane */
async function writeAndKill(directory: string, run: number, compactAfter: number) {
  const fixture = join(root, "test/support/fixture/store-writer.js");
  const args = [fixture, directory, `${run}`, `${compactAfter}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed]);
  await sleep(Math.random() * 60);
  child.kill("SIGKILL");
  const [exitCode, signal] = (await closed) as [number | null, string | null];
  expect({ exitCode, signal }).toEqual({ exitCode: null, signal: "SIGKILL" });
  const lines = output.split("\n").slice(0, -1);
  return new Map(lines.map((line) => line.split(" ") as [string, string]).map(([lane, step]) => [lane, Number(step)])); // prettier-ignore
}

/** What the lane holds, in words. */
async function look(store: Store, lane: string): Promise<string> {
  const client = (await store.get("client", lane)) as { step?: number } | undefined;
  const held = [`client ${client?.step}`];
  for (const kind of ["grant", "accessToken", "refreshToken"] as const) {
    if (await store.get(kind, lane)) held.push(kind);
  }
  return held.join(" ");
}

/** @see test/support/fixture/store-writer.js */
function stateAfter(step: number): string {
  if (step < 0) return "client undefined";
  const held = { 2: " grant accessToken refreshToken", 3: " grant refreshToken" }[step % 4] ?? "";
  return `client ${step}${held}`;
}

function startHolder(directory: string): {
  child: ChildProcess;
  line(): Promise<string>;
  ended: Promise<unknown>;
} {
  const fixture = join(root, "test/support/fixture/store-holder.js");
  const child = spawn(process.execPath, [fixture, directory], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => ((await lines.next()) as { value: string }).value,
    ended: once(child, "exit"),
  };
}
