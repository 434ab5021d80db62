/** Confined programs do not outlive a gateway that is killed, nor does what they left behind. */
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { compile, processesMarked, startProcess } from "../support/compiled-bridge.ts";
import { fixture } from "../support/gateway.ts";
import { openSession } from "../support/mcp-session.ts";

const prober = (mark: string) => ({
  command: "node",
  args: [fixture("prober.js")],
  env: { MARK: mark },
  permissions: { run: ["sh", "sleep"] },
});

describe.skipIf(process.platform !== "linux")("a confined program", () => {
  beforeAll(compile);

  it("is gone after kill -9 of the gateway, at whatever moment of its start", async () => {
    const mark = randomUUID();
    for (const delay of [0, 5, 15, 30, 60, 200]) {
      const gateway = await startProcess({ services: { any: prober(mark) } });
      const opening = Promise.all(
        [1, 2, 3].map(async () => {
          const session = await openSession(gateway.endpoint("any"));
          await session.tool("leave");
        }),
      ).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delay));
      gateway.process.kill("SIGKILL");
      await opening;
    }
    await expect.poll(() => processesMarked(mark), { timeout: 10_000 }).toEqual([]);
  });
});
