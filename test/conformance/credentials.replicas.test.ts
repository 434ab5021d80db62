/** Secrets of each person where several gateways serve on one Redis. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture } from "../support/gateway.ts";
import { ACCEPT, initialize } from "../support/mcp-session.ts";
import { startReplicas } from "../support/replicas.ts";
import { logIn } from "../support/strict-client.ts";

it("are entered at one and used at another, encrypted in Redis, and end sessions everywhere", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpg-key-"));
  const file = join(folder, "encryption");
  writeFileSync(file, "a secret that both replicas know", { mode: 0o600 });
  const replicas = await startReplicas(2, {
    keys: { encryption: { file } },
    services: {
      echo: {
        command: process.execPath,
        args: [fixture("workbench.js")],
        credentials: { GITHUB_TOKEN: { label: "GitHub token" } },
      },
    },
  });
  try {
    const { gateway, redis } = replicas;
    const browser = createFormBrowser();
    const { access_token: token } = (await logIn(gateway.resource, { browser })).tokens;
    const enter = async (value: string) => {
      const page = await browser.open(`${gateway.url}/credentials`);
      const saved = await browser.press(page, /Save/, { "value.GITHUB_TOKEN": value });
      expect(saved.text).toContain("Saved.");
    };
    await enter("first-token-of-ada");
    const keys = await redis.inside.keys("*");
    const stored = await Promise.all(keys.map((key) => redis.inside.dumpBuffer(key)));
    expect(stored.length).toBeGreaterThan(0);
    for (const bytes of stored) expect(bytes?.includes("first-token") ?? false).toBe(false);

    const call = (replica: number, body: object, session?: string) =>
      replicas.ask(replica, new URL(gateway.resource).pathname, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          accept: ACCEPT,
          "content-type": "application/json",
          ...(session !== undefined && { "mcp-session-id": session }),
        },
        body: JSON.stringify(body),
      });
    const env = {
      jsonrpc: "2.0",
      id: 3,
      method: "tools/call",
      params: { name: "env", arguments: {} },
    };
    const sessions = await Promise.all(
      [0, 1].map(async (replica) => {
        const opened = await call(replica, initialize());
        return opened.headers.get("mcp-session-id")!;
      }),
    );
    for (const [replica, session] of sessions.entries()) {
      expect(await (await call(replica, env, session)).text()).toContain("first-token-of-ada");
    }
    await enter("second-token-of-ada");
    for (const [replica, session] of sessions.entries()) {
      expect((await call(replica, env, session)).status).toBe(404);
    }
    for (const replica of [0, 1]) {
      const opened = await call(replica, initialize());
      const answer = await call(replica, env, opened.headers.get("mcp-session-id")!);
      expect(await answer.text()).toContain("second-token-of-ada");
    }
    for (const replica of replicas.all) expect(replica.stderr()).not.toContain("token-of-ada");
  } finally {
    await replicas.close();
    rmSync(folder, { recursive: true });
  }
}, 90_000);
