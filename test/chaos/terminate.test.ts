/** A gateway that is asked to end while it is busy, and one that has a great deal to remember. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createLog } from "../../src/log.ts";
import { createStore } from "../../src/server/store/index.ts";
import type { Operation } from "../../src/server/store/store.ts";
import { accessToken, client } from "../contract/store-records.ts";
import { spawnGateway } from "../support/gateway-process.ts";

const directory = mkdtempSync(join(tmpdir(), "mcpg-terminate-"));
afterAll(() => rmSync(directory, { recursive: true }));

it("ends within seconds of SIGTERM, with 0, and has written all it answered for (ST-11)", async () => {
  const gateway = await spawnGateway({ cwd: directory });
  const acknowledged: string[] = [];
  let isOver = false;
  const register = async (): Promise<void> => {
    while (!isOver) {
      const response = await fetch(`${gateway.url}/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ redirect_uris: ["http://127.0.0.1/cb"] }),
      }).catch(() => undefined);
      if (response?.status !== 201) return;
      acknowledged.push(((await response.json()) as { client_id: string }).client_id);
    }
  };
  const crowd = Array.from({ length: 20 }, register);
  while (acknowledged.length < 100) await new Promise((resolve) => setTimeout(resolve, 10));
  const before = performance.now();
  await gateway.kill("SIGTERM");
  expect(performance.now() - before).toBeLessThan(5000);
  expect(gateway.child.exitCode).toBe(0);
  isOver = true;
  await Promise.all(crowd);

  const restarted = await spawnGateway({ cwd: directory });
  for (const client_id of acknowledged) {
    const response = await fetch(`${restarted.url}/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "refresh_token", client_id, refresh_token: "x" }),
    });
    // Known, but not that token; an unknown client would get 401.
    expect(response.status).toBe(400);
  }
  await restarted.kill("SIGTERM");
});

it("opens with ten thousand clients in seconds, and forgets what has expired (ST-10)", async () => {
  const path = join(directory, "large");
  const log = await createLog({ level: "silent", pretty: false });
  const open = () => createStore({ type: "lowdb", path }, { clock: systemClock, log });
  const first = await open();
  const put = async (operations: Operation[]): Promise<void> => {
    expect(await first.transact(operations)).toBe(true);
  };
  for (let batch = 0; batch < 100; batch += 1) {
    const numbers = Array.from({ length: 100 }, (_, i) => batch * 100 + i);
    await put(
      numbers.map((n) => ({ type: "put", kind: "client", id: `c${n}`, record: client(`c${n}`) })),
    );
    await put(
      numbers.map((n) => ({
        type: "put",
        kind: "accessToken",
        id: `t${n}`,
        record: accessToken({ tokenId: `t${n}` }),
        ttl: 1,
      })),
    );
  }
  await first.close();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const before = performance.now();
  const second = await open();
  expect(performance.now() - before).toBeLessThan(5000);
  expect((await second.list("accessToken")).items).toEqual([]);
  expect(await second.get("client", "c9999")).toBeDefined();
  const times: number[] = [];
  for (let i = 0; i < 200; i += 1) {
    const start = performance.now();
    await second.put("client", `n${i}`, client(`n${i}`));
    times.push(performance.now() - start);
  }
  expect(times.toSorted((a, b) => a - b)[100]).toBeLessThan(50);
  await second.close();
});
