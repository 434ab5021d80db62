/** No child outlives its reason to live: not a client that vanishes, not a gateway that is killed. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge-server.ts";
import { compile, processesMarked, startProcess } from "../support/compiled-bridge.ts";
import { fixture } from "../support/gateway.ts";
import { initialize, openSession, post } from "../support/mcp-session.ts";

const ROUNDS = 500;
const AT_ONCE = 4;

const service = (mark: string, name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [fixture(name), ...args],
  env: { MARK: mark },
});

describe.skipIf(process.platform !== "linux")("children of the bridge", () => {
  it(`are gone after ${ROUNDS} clients that came and vanished`, async () => {
    const mark = randomUUID();
    const server = await startBridge({
      services: {
        echo: service(mark, "echo.js"),
        forever: service(mark, "forever.js"),
        wrapped: service(mark, "wrapper.js", "./forever.js"),
      },
      limits: { sessionIdle: "1s", sessions: 2000, sessionsPerUser: 2000 },
    });
    let round = 0;
    const client = async (): Promise<void> => {
      while (round < ROUNDS) {
        round += 1;
        const name = ["echo", "echo", "echo", "forever", "wrapped"][round % 5]!;
        await vanish(server.endpoint(name), round % 4);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    await expect.poll(() => server.bridge.sessions().length, { timeout: 20_000 }).toBe(0);
    await expect.poll(() => processesMarked(mark), { timeout: 20_000 }).toEqual([]);
    await server.close();
  });

  describe("after kill -9 of the gateway", () => {
    beforeAll(compile);

    it.each([
      ["that would end by themselves", ["echo.js"]],
      ["that do not notice the end of their input", ["forever.js"]],
      ["that ignore SIGTERM and the end of their input", ["ignores-sigterm.js"]],
      ["that a launcher started", ["wrapper.js", "./ignores-sigterm.js"]],
    ] as [string, [string, ...string[]]][])("are gone: those %s", async (_, [name, ...args]) => {
      const mark = randomUUID();
      const gateway = await startProcess({ services: { any: service(mark, name, ...args) } });
      await Promise.all(Array.from({ length: 5 }, () => openSession(gateway.endpoint("any"))));
      expect(processesMarked(mark).length).toBe(name === "wrapper.js" ? 10 : 5);
      gateway.process.kill("SIGKILL");
      await expect.poll(() => processesMarked(mark), { timeout: 10_000 }).toEqual([]);
    });

    it("are gone although what guards them was killed before (B13)", async () => {
      const mark = randomUUID();
      const gateway = await startProcess({
        services: { any: service(mark, "ignores-sigterm.js") },
      });
      await openSession(gateway.endpoint("any"));
      const [guard, ...others] = guardsOf(gateway.process.pid!);
      expect(others).toEqual([]);
      process.kill(guard!, "SIGKILL");
      await expect.poll(() => guardsOf(gateway.process.pid!)).not.toContain(guard);
      await expect.poll(() => guardsOf(gateway.process.pid!)).toHaveLength(1);
      await openSession(gateway.endpoint("any"));
      expect(processesMarked(mark)).toHaveLength(2);
      gateway.process.kill("SIGKILL");
      await expect.poll(() => processesMarked(mark), { timeout: 10_000 }).toEqual([]);
    });

    it("are gone at whatever moment of their start it comes", async () => {
      const mark = randomUUID();
      for (let delay = 0; delay < 60; delay += 4) {
        const gateway = await startProcess({
          services: { any: service(mark, "ignores-sigterm.js") },
        });
        const opening = Array.from({ length: 4 }, () =>
          post(gateway.endpoint("any"), initialize()).catch(() => undefined),
        );
        await new Promise((resolve) => setTimeout(resolve, delay));
        gateway.process.kill("SIGKILL");
        await Promise.all(opening);
      }
      await expect.poll(() => processesMarked(mark), { timeout: 10_000 }).toEqual([]);
    });
  });
});

/** The shell that ends children when their gateway is gone. */
function guardsOf(gateway: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const parent = / (\d+) /.exec(
        readFileSync(`/proc/${name}/stat`, "utf8").split(")").at(-1)!.slice(2),
      );
      const isShell = readFileSync(`/proc/${name}/cmdline`, "utf8").startsWith(
        "/bin/sh\0-c\0\ntrap",
      );
      return isShell && Number(parent![1]) === gateway ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Be a client that leaves without a word, each time at another moment. */
async function vanish(endpoint: string, manner: number): Promise<void> {
  const abort = new AbortController();
  if (manner === 0) {
    const opening = post(endpoint, initialize(), { signal: abort.signal }).catch(() => undefined);
    setTimeout(() => abort.abort(), 30);
    await opening;
    return;
  }
  const session = await openSession(endpoint);
  if (manner === 1) {
    await session.get({}, abort.signal);
    abort.abort();
  } else if (manner === 2) {
    const call = session.post({ jsonrpc: "2.0", id: 1, method: "ping" }, { signal: abort.signal });
    abort.abort();
    await call.catch(() => undefined);
  } else {
    await session.delete();
  }
}
