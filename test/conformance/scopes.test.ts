/**
 * Scopes of tool groups and stepping up, as a client, a thief of a narrow token and a reverse proxy meet them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { initialize } from "../support/mcp-session.ts";
import {
  authorizationUrl,
  errorOf,
  jsonOf,
  obtainTokens,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";
import { callMcp } from "../support/strict-client.ts";

const DELETE = "delete things, with no way back";

let directory: string;
let received: string;
let gateway: TestGateway;
let client: RawClient;
let narrow: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "scopes-"));
  received = join(directory, "received");
  const server = { command: process.execPath, args: [fixture("writes-down.js"), received] };
  gateway = await startGateway({
    config: {
      services: {
        files: {
          ...server,
          era: "dual",
          scopes: {
            "files:write": { description: "change files", tools: ["write_*", "delete_*"] },
            "files:delete": { description: DELETE, tools: ["delete_*"] },
            "files:admin": {
              description: "do anything with files",
              tools: ["format_disk"],
              includes: ["files:write", "files:delete"],
            },
          },
        },
        unknown: {
          ...server,
          scopes: { "files:write": { description: "change files", tools: ["write_*"] } },
        },
        notes: { ...server, scopes: { "notes:write": { description: "write", tools: ["*"] } } },
      },
    },
  });
  client = await registered(gateway);
  narrow = await token("mcp");
});
afterAll(async () => {
  await gateway.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => writeFileSync(received, ""));

const url = (service = "files"): string => `${gateway.url}/${service}/mcp`;

async function token(scope: string, by = client): Promise<string> {
  return (await obtainTokens(gateway, by, { scope, resource: url() })).access_token;
}

const call = (name: unknown, id: number | undefined = 1) => ({
  jsonrpc: "2.0",
  ...(id !== undefined && { id }),
  method: "tools/call",
  params: { name, arguments: {} },
});

const modern = (name: string) => ({
  ...call(name),
  params: {
    name,
    arguments: {},
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
});
const modernHeaders = (name: string) => ({
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": name,
});

/** Headers of an open session. */
async function session(by: string, version = "2025-11-25"): Promise<Record<string, string>> {
  const opened = await callMcp(url(), by, initialize(version));
  expect(opened.status).toBe(200);
  await opened.body?.cancel();
  return { "mcp-session-id": opened.headers.get("mcp-session-id")! };
}

/** The scopes of a 403 challenge, once everything else about it is as it has to be. */
async function challenged(response: Response): Promise<string> {
  expect(response.status).toBe(403);
  const header = response.headers.get("www-authenticate")!;
  const [, scope = ""] =
    /^Bearer error="insufficient_scope", error_description="[^"]+", resource_metadata="[^"]+\/files\/mcp", scope="([^"]+)"$/.exec(
      header,
    ) ?? [];
  expect(await response.json()).toMatchObject({ error: "insufficient_scope" });
  return scope;
}

/** Names of the tools that the server was asked for. */
const asked = (): unknown[] =>
  readFileSync(received, "utf8")
    .split("\n")
    .filter((line) => line.includes("tools/call"))
    .map((line) => (JSON.parse(line) as { params: { name: unknown } }).params.name);

describe("what is advertised", () => {
  it("is the least at a resource and in its challenge, and all at the authorization server (SB17)", async () => {
    const prm = `${gateway.url}/.well-known/oauth-protected-resource/files/mcp`;
    expect(await jsonOf(await fetch(prm))).toMatchObject({ scopes_supported: ["mcp"] });
    const response = await callMcp(url(), undefined);
    expect(response.headers.get("www-authenticate")).toMatch(/ scope="mcp"$/);
    const metadata = `${gateway.url}/.well-known/oauth-authorization-server`;
    expect(await jsonOf(await fetch(metadata))).toMatchObject({
      scopes_supported: [
        ...["mcp", "files:write", "files:delete", "files:admin", "notes:write"],
        "offline_access",
      ],
    });
  });
});

describe("what is granted", () => {
  it.each([
    [undefined, "mcp"],
    ["mcp", "mcp"],
    ["files:write", "mcp files:write"],
    ["mcp files:write nonsense openid", "mcp files:write"],
    ["mcp notes:write", "mcp"],
    ["mcp * files:* all full-access", "mcp"],
  ])("for %j is %j: nothing unknown, foreign or wild (SB17)", async (scope, expected) => {
    const tokens = await obtainTokens(gateway, client, { scope, resource: url() });
    expect(tokens.scope).toBe(expected);
  });

  it("is told to the person in the operator's words, and written down (SB17)", async () => {
    const browser = createFormBrowser();
    const fields = { scope: "mcp files:delete", resource: url() };
    const login = await browser.open(authorizationUrl(gateway, client, fields));
    const page = await browser.press(login, /log in|continue/i);
    expect(page.text).toContain(DELETE.charAt(0).toUpperCase() + DELETE.slice(1));
    expect(page.text).not.toContain("files:delete");
    await browser.press(page, /allow/i);
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "consent.given", scopes: ["mcp", "files:delete"] }),
    );
  });

  it("never grows by a refresh, and comes back after a narrower one (SB17)", async () => {
    const first = await obtainTokens(gateway, client, {
      scope: "mcp files:write",
      resource: url(),
    });
    const use = (refreshToken: string, scope: string) =>
      requestToken(gateway, refreshForm(client, refreshToken, { scope }));
    const refused = await use(first.refresh_token, "mcp files:write files:delete");
    expect(await errorOf(refused)).toBe("400 invalid_scope");
    const less = await tokensOf(await use(first.refresh_token, "mcp"));
    expect(less.scope).toBe("mcp");
    const headers = await session(less.access_token);
    await challenged(await callMcp(url(), less.access_token, call("write_x"), headers));
    const again = await tokensOf(await use(less.refresh_token, "mcp files:write"));
    expect(again.scope).toBe("mcp files:write");
  });

  it("is no more than an operator's list, and more than a client's own when a person says so", async () => {
    const modest = await registered(gateway, { scope: "mcp" });
    const tokens = await obtainTokens(gateway, modest, {
      scope: "mcp files:write",
      resource: url(),
    });
    expect(tokens.scope).toBe("mcp files:write");
  });
});

describe("a call of a tool that needs more (A23)", () => {
  it("is 403 with all scopes of the operation, before the server hears of it", async () => {
    const headers = await session(narrow);
    const read = await callMcp(url(), narrow, call("read_file"), headers);
    expect(await read.text()).toContain("did read_file");
    const write = await callMcp(url(), narrow, call("write_file"), headers);
    expect(await challenged(write)).toBe("mcp files:write");
    const remove = await callMcp(url(), narrow, call("delete_file"), headers);
    expect(await challenged(remove)).toBe("mcp files:write files:delete");
    expect(asked()).toEqual(["read_file"]);
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ type: "request.denied", status: 403, code: "insufficient_scope" }),
    );
  });

  it("works after stepping up with what the challenge says", async () => {
    const before = await session(narrow);
    const scope = await challenged(await callMcp(url(), narrow, call("delete_x"), before));
    const wide = await token(scope);
    const after = await callMcp(url(), wide, call("delete_x"), await session(wide));
    expect(await after.text()).toContain("did delete_x");
    expect(asked()).toEqual(["delete_x"]);
  });

  it("works with a scope that includes the one it needs", async () => {
    const admin = await token("mcp files:admin");
    const response = await callMcp(url(), admin, call("delete_y"), await session(admin));
    expect(await response.text()).toContain("did delete_y");
  });

  it("does not work without mcp, whatever else was granted", async () => {
    const wide = await obtainTokens(gateway, client, { scope: "mcp files:admin", resource: url() });
    const form = refreshForm(client, wide.refresh_token, { scope: "files:admin" });
    const { access_token: odd } = await tokensOf(await requestToken(gateway, form));
    expect(await challenged(await callMcp(url(), odd, call("write_x")))).toBe("mcp");
  });

  it.each([[["write_file"]], [{ toString: "write_file" }], [7], [null], [undefined]])(
    "is not hidden by a name like %j",
    async (name) => {
      const response = await callMcp(url(), narrow, call(name), await session(narrow));
      expect(await challenged(response)).toBe("mcp files:write files:delete files:admin");
      expect(asked()).toEqual([]);
    },
  );

  it("is not hidden in a batch, nor as a notification: all of it is refused", async () => {
    const headers = await session(narrow, "2025-03-26");
    for (const batch of [
      [call("read_a", 1), call("write_a", 2)],
      [call("write_a", 1), call("read_a", 2)],
      [call("read_a", 1), call("write_a", undefined)],
    ]) {
      expect(await challenged(await callMcp(url(), narrow, batch, headers))).toBe(
        "mcp files:write",
      );
    }
    const alone = await callMcp(url(), narrow, call("write_a", undefined), headers);
    expect(await challenged(alone)).toBe("mcp files:write");
    expect(asked()).toEqual([]);
  });

  it("is judged by the message, not by headers, in requests without sessions", async () => {
    const honest = await callMcp(url(), narrow, modern("write_a"), modernHeaders("write_a"));
    expect(await challenged(honest)).toBe("mcp files:write");
    const lying = await callMcp(url(), narrow, modern("write_a"), modernHeaders("read_a"));
    expect(await challenged(lying)).toBe("mcp files:write");
    const other = await callMcp(url(), narrow, modern("read_a"), modernHeaders("write_a"));
    expect(other.status).toBe(400);
    expect(asked()).toEqual([]);
    const fine = await callMcp(url(), narrow, modern("read_a"), modernHeaders("read_a"));
    expect(await fine.text()).toContain("did read_a");
  });
});

describe("ForwardAuth (A24)", () => {
  const verify = (headers: Record<string, string>, by = narrow, method = "POST") =>
    fetch(`${gateway.url}/verify`, {
      headers: {
        "x-forwarded-method": method,
        "x-forwarded-proto": "http",
        "x-forwarded-host": new URL(gateway.url).host,
        "x-forwarded-uri": "/files/mcp",
        authorization: `Bearer ${by}`,
        ...headers,
      },
    });
  const all = "mcp files:write files:delete files:admin";

  it("decides by tool for requests whose headers the server compares", async () => {
    expect((await verify(modernHeaders("read_a"))).status).toBe(200);
    expect(await challenged(await verify(modernHeaders("write_a")))).toBe("mcp files:write");
    expect((await verify(modernHeaders("write_a"), await token("files:write"))).status).toBe(200);
  });

  it("does not believe the headers of others: a forged Mcp-Name gains nothing", async () => {
    for (const version of ["2025-11-25", "2025-03-26", "", "2027-01-01"]) {
      const forged = { ...modernHeaders("read_a"), "mcp-protocol-version": version };
      expect(await challenged(await verify(forged))).toBe(all);
    }
    expect(await challenged(await verify({}))).toBe(all);
    expect((await verify({}, await token(all))).status).toBe(200);
  });

  it("does not believe them when nobody said that the server behind compares them", async () => {
    const other = await obtainTokens(gateway, client, { scope: "mcp", resource: url("unknown") });
    const asked = { ...modernHeaders("read_a"), "x-forwarded-uri": "/unknown/mcp" };
    expect((await verify(asked, other.access_token)).status).toBe(403);
  });

  it.each([
    ["sent twice", "read_a, read_a"],
    ["badly encoded", "=?base64?cmVhZF9h=?="],
    ["encoded and hiding another tool", `=?base64?${btoa("write_a")}?=`],
    ["encoded as something else", "=?BASE64?cmVhZF9h?="],
    ["empty", ""],
  ])("never takes a name for read_a that is %s", async (_, name) => {
    const response = await verify(modernHeaders(name));
    // What is no sentinel is the name of some tool; none that is guarded.
    expect(response.status).toBe(name.includes("BASE64") || name === "" ? 200 : 403);
  });

  it("reads an encoded name", async () => {
    const headers = modernHeaders(`=?base64?${btoa("read_a")}?=`);
    expect((await verify(headers)).status).toBe(200);
  });

  it("lets streams through with mcp alone", async () => {
    for (const method of ["GET", "DELETE"]) {
      expect((await verify({}, narrow, method)).status).toBe(200);
    }
  });
});
