/**
 * VS Code: whatever port is free, and nothing but the challenge.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulations } from "../../src/client/emulation/index.ts";
import { logIn } from "../../src/client/emulation/log-in.ts";
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

describe("VS Code", () => {
  it("registers port 33418 and comes back on another (vscode#278512)", async () => {
    const visit = await visitAs("vscode", gateway.resource, { port: 51_000 });
    expect(await echo(visit, await logIn(visit, person))).toContain("hello");
  });

  it("may leave the slash of its loopback redirect away or not (vscode#260446)", async () => {
    const visit = await visitAs("vscode", gateway.resource);
    const emulation = {
      ...visit.emulation,
      redirectUri: (port: number) => `http://127.0.0.1:${port}`,
    };
    const slashless = { ...visit, emulation };
    expect(await echo(slashless, await logIn(slashless, person))).toContain("hello");
  });

  it("finds the metadata by the challenge alone (apollo-mcp-server#533)", async () => {
    const visit = await visitAs("vscode", `${gateway.url}/echo/mcp`);
    await logIn(visit, person);
    expect(visit.told[0]).toEqual({
      step: "knock",
      seen: `401, ${gateway.url}/.well-known/oauth-protected-resource/echo/mcp`,
    });
  });

  it("logs in by its metadata document, in two windows at once", async () => {
    const url = serveDocument(site, emulations.get("vscode")!);
    const windows = [33_418, 51_001].map(async (port) => {
      const visit = await visitAs("vscode", gateway.resource, { port, document: { url } });
      return echo(visit, await logIn(visit, person));
    });
    for (const answer of await Promise.all(windows)) expect(answer).toContain("hello");
  });
});
