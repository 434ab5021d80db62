/**
 * Who holds which access, and an end to it, as an operator asks for it: `grant`, `token inspect`, `session end`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  AccessTokenSummary,
  GrantSummary,
  SessionSummary,
} from "../../src/control/answers.ts";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { runCommand, type Result } from "../support/run-command.ts";
import { logIn, type LoggedIn } from "../support/strict-client.ts";

let directory: string;
let gateway: GatewayProcess;

const run = (line: string): Promise<Result> => runCommand(line.split(" "), { cwd: directory });
const json = async <T>(line: string): Promise<T> =>
  JSON.parse((await run(`${line} --json`)).stdout) as T;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "grants-"));
  gateway = await spawnGateway({ cwd: directory });
});
afterAll(async () => {
  await gateway.kill("SIGTERM");
  rmSync(directory, { recursive: true });
});

const headers = (login: LoggedIn, session?: string) => ({
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  authorization: `Bearer ${login.tokens.access_token}`,
  ...(session !== undefined && { "mcp-session-id": session }),
});

const send = (login: LoggedIn, method: string, session?: string): Promise<Response> =>
  fetch(gateway.resource, {
    method: "POST",
    headers: headers(login, session),
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method,
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "t", version: "1" },
      },
    }),
  });

describe("an operator", () => {
  it("sees one client's grant, inspects its token, and ends the grant", async () => {
    const [login, other] = [await logIn(gateway.resource), await logIn(gateway.resource)];
    const { client_id: clientId } = login.client;
    expect((await send(login, "initialize")).status).toBe(200);
    const [grant] = await json<[GrantSummary]>(`grant list --client ${clientId}`);
    expect(grant).toMatchObject({ clientId, accessTokens: 1, sessions: 1 });
    expect(grant.lastUsedAt).toBeGreaterThanOrEqual(grant.createdAt);
    const [head, row] = (await run(`grant list --client ${clientId}`)).stdout.split("\n");
    expect(head).toMatch(/last used/i);
    expect(row).toMatch(/\d[sm] ago/);
    expect(await json(`grant list --client ${clientId} --subject nobody`)).toEqual([]);
    expect(await json("grant list --limit 1")).toHaveLength(1);

    const [token] = await json<[AccessTokenSummary]>(`token list --client ${clientId}`);
    const inspected = await run(`token inspect ${token.tokenId.slice(0, 10)}`);
    expect(inspected.stdout).toMatch(new RegExp(`^grant +${grant.grantId}$`, "m"));
    expect(inspected.stdout).toContain(gateway.resource);
    expect(inspected.stdout).not.toContain("eyJ");

    expect(await run(`grant revoke ${grant.grantId}`)).toMatchObject({ code: 2, stdout: "" });
    expect((await send(login, "initialize")).status).toBe(200);
    const revoked = await run(`grant revoke ${grant.grantId.slice(0, 10)} --yes`);
    expect(revoked.stdout).toMatch(
      new RegExp(`^Revoked ${grant.grantId}: 1 access tokens and \\d sessions ended\\.\n$`),
    );
    expect((await send(login, "initialize")).status).toBe(401);
    expect((await send(other, "initialize")).status).toBe(200);
    expect(await json(`session list --client ${clientId}`)).toEqual([]);
  });

  it("ends every grant of a person", async () => {
    const logins = [await logIn(gateway.resource), await logIn(gateway.resource)];
    const [{ subject }] = await json<[GrantSummary]>("grant list --limit 1");
    const revoked = await json<GrantSummary[]>(`grant revoke --subject ${subject} --yes`);
    expect(revoked.length).toBeGreaterThanOrEqual(2);
    for (const login of logins) expect((await send(login, "initialize")).status).toBe(401);
    expect(await json("grant list")).toEqual([]);
  });

  it("must say which grants", async () => {
    expect(await run("grant revoke --yes")).toMatchObject({ code: 2, stdout: "" });
    expect(await run("grant revoke abc --subject x --yes")).toMatchObject({ code: 2, stdout: "" });
  });

  it("ends a session; its client opens another with the same token", async () => {
    const login = await logIn(gateway.resource);
    const id = (await send(login, "initialize")).headers.get("mcp-session-id")!;
    const [session] = await json<[SessionSummary]>(
      `session list --client ${login.client.client_id}`,
    );
    const ended = await run(`session end ${session.sessionId.slice(0, 8)} --yes`);
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain(`Ended ${session.sessionId}`);
    expect((await send(login, "tools/list", id)).status).toBe(404);
    expect((await send(login, "initialize")).status).toBe(200);
  });
});
