/**
 * Claude Code: a terminal, a loopback redirect on a new port each time, and a first question in the newer revision.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulations } from "../../src/client/emulation/index.ts";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { echo, person, serveDocument, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startTlsSite, type TlsSite } from "../support/tls-site.ts";

let site: TlsSite;
let gateway: TestGateway;

beforeAll(async () => {
  site = await startTlsSite();
  gateway = await startGateway({ certificates: [site.certificate] });
});
afterAll(async () => {
  await gateway.close();
  await site.close();
});

describe("Claude Code", () => {
  it("comes back on a port its document does not name (claude-code#37747)", async () => {
    const url = serveDocument(site, emulations.get("claude-code")!);
    for (const port of [49_201, 49_202]) {
      const visit = await visitAs("claude-code", gateway.resource, { port, document: { url } });
      expect(await echo(visit, await logIn(visit, person))).toContain("hello");
    }
  });

  it("registers where it has no document, and is not locked to that port", async () => {
    const visit = await visitAs("claude-code", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.client["application_type"]).toBe("native");
    expect(await echo(visit, login)).toContain("hello");
  });

  it("is told how long its token lives, and refreshes it several times at once", async () => {
    const visit = await visitAs("claude-code", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.tokens.expires_in).toBeGreaterThan(0);
    gateway.clock.advance(login.tokens.expires_in! + 1);
    await expect(echo(visit, login)).rejects.toThrow(/status 401/);
    const all = await Promise.all([1, 2, 3].map(() => refresh(visit, login)));
    expect(new Set(all.map((tokens) => tokens.refresh_token)).size).toBe(1);
    expect(await echo(visit, { ...login, tokens: all[0]! })).toContain("hello");
  });
});
