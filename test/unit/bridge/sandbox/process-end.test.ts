/** A sandbox changes nothing about how a program ends: politely first, then surely, and with everything it left behind. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startBridge } from "../../../support/bridge-server.ts";
import { processesMarked } from "../../../support/compiled-bridge.ts";
import { fixture } from "../../../support/gateway.ts";
import { openSession } from "../../../support/mcp-session.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ends-")));
afterAll(() => rmSync(folder, { recursive: true }));

const prober = (mark: string, env: object = {}) => ({
  command: "node",
  args: [fixture("prober.js")],
  env: { MARK: mark, ...env },
  permissions: { write: [folder], run: ["sh", "sleep"] },
});

describe.skipIf(process.platform !== "linux")("a confined program", () => {
  it("hears SIGTERM and may end in its own way (B13)", async () => {
    const mark = randomUUID();
    const note = join(folder, "note");
    const server = await startBridge({ services: { any: prober(mark, { NOTE_SIGTERM: note }) } });
    await openSession(server.endpoint("any"));
    expect(existsSync(note)).toBe(false);
    await server.close();
    expect(readFileSync(note, "utf8")).toBe("SIGTERM");
    expect(processesMarked(mark)).toEqual([]);
  });

  it("leaves nobody behind when it ends, is ended, or is killed", async () => {
    const mark = randomUUID();
    const server = await startBridge({ services: { any: prober(mark) } });
    const ends = [
      (session: Awaited<ReturnType<typeof openSession>>) => session.tool("die", { text: "x" }),
      (session: Awaited<ReturnType<typeof openSession>>) => session.delete(),
      async () => process.kill(server.bridge.sessions().at(-1)!.pid!, "SIGKILL"),
    ];
    for (const end of ends) {
      const session = await openSession(server.endpoint("any"));
      expect(await session.tool("leave")).toMatchObject({ ok: expect.any(Number) as number });
      // bubblewrap twice, the program, the shell that stays and what it waits for
      expect(processesMarked(mark).length).toBeGreaterThanOrEqual(4);
      await end(session).catch(() => undefined);
      await expect.poll(() => processesMarked(mark), { timeout: 10_000 }).toEqual([]);
    }
    await server.close();
  });
});
