/**
 * Rules about tools as somebody meets them who has a token and curl; and what becomes of them when the file changes.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { eraClient, modernHeaders, type EraClient } from "../support/era-client.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { eventsOf, messagesOf } from "../support/mcp-session.ts";
import { modernRequest } from "../support/modern-request.ts";
import { logIn, type LoggedIn } from "../support/strict-client.ts";
import { sendJson, startUpstream, type Upstream } from "../support/upstream.ts";
import { reloaded } from "../support/reload.ts";

const folder = mkdtempSync(join(tmpdir(), "policy-"));
const file = join(folder, "mcp-gateway.yaml");
const received = join(folder, "received");

const HOSTS = { redirect_uris: ["https://app.example/callback"] };
const BIG = "9007199254740993";

let gateway: TestGateway;
let upstream: Upstream;
let ada: LoggedIn;
let old: EraClient;
let batches: EraClient;
let modern: EraClient;

const url = (service: string) => `${gateway.url}/${service}/mcp`;
const program = (name: string, args: string[], more: object) => ({
  command: process.execPath,
  args: [fixture(name), ...args],
  permissions: "all",
  ...more,
});

const RULES = {
  tools: { deny: ["delete_*"] },
  arguments: { "*_file": { path: { prefix: ["/srv"] } } },
};

function write(files: object = RULES, bench: object = {}): void {
  const services = {
    files: program("writes-down.js", [received], { era: "dual", ...files }),
    bench: program("workbench.js", ["full"], bench),
    modern: program("modern-workbench.js", ["full"], { era: "modern", ...bench }),
    clients: program("writes-down.js", [received], {
      policies: [
        { clients: ["redirect:app.example"], tools: { allow: ["read_*"] } },
        { for: ["local:nobody"] },
      ],
    }),
    far: { url: upstream.url, tools: { deny: ["delete_*"] } },
  };
  const listen = { host: "localhost", port: 0 };
  const store = { type: "lowdb", path: folder };
  writeFileSync(file, stringify({ publicUrl: "http://localhost:0", listen, store, services }));
}

async function change(...given: Parameters<typeof write>): Promise<void> {
  await reloaded(gateway, () => write(...given));
}

beforeAll(async () => {
  upstream = await startUpstream((_, response, { id, method, params }) => {
    if (method === "initialize") {
      const { protocolVersion } = params;
      const hello = {
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "far", version: "1" },
      };
      return sendJson(response, { jsonrpc: "2.0", id, result: hello });
    }
    if (method !== "tools/list") return void response.writeHead(202).end();
    const list = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[{"name":"delete_x"},{"name":"read_x","inputSchema":{"maximum":${BIG}}},7,{"name":["read_y"]}],"nextCursor":"${params?.cursor ?? ""}${BIG}","_meta":{"n":${BIG}}}}`;
    const isStream = params?.cursor !== undefined;
    response.writeHead(200, {
      "content-type": isStream ? "text/event-stream" : "application/json",
    });
    response.end(isStream ? `data: ${list}\n\n` : list);
  });
  write();
  writeFileSync(received, "");
  gateway = await startGateway({ file, stateDirectory: folder });
  ada = await logIn(url("files"));
  const token = ada.tokens.access_token;
  old = await eraClient(url("files"), token, "2025-11-25");
  batches = await eraClient(url("files"), token, "2025-03-26");
  modern = await eraClient(url("files"), token, "modern");
}, 60_000);
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => writeFileSync(received, ""));

const call = (name: unknown, more: object = {}) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name, arguments: {} },
  ...more,
});
/** Tools the server was asked for. */
const asked = (): unknown[] =>
  readFileSync(received, "utf8")
    .split("\n")
    .filter((line) => line.includes("params") && !/"(?:initialize|server\/discover)"/.test(line))
    .map((line) => JSON.parse(line).params.name);
const UNKNOWN = { code: -32602, message: expect.stringMatching(/^Unknown tool: /) };

describe("a call that is not allowed stays outside", () => {
  it.each([
    ['"name":"read_x","name":"delete_x"'],
    ['"name":"delete_x","name":"read_x","name":"delete_x"'],
    ['"n\\u0061me":"del\\u0065te_x"'],
    ['"name":"DELETE_x"'],
    ['"name":"delete\\u200b_x"'],
    ['"name":"\\uff44elete_x"'],
    ['"__proto__":{"name":"read_x"},"name":"delete_x"'],
    ['"__proto__":{"name":"read_x"}'],
    ['"constructor":{"name":"read_x"},"Name":"read_x"'],
    ['"name":["read_x"]'],
    [`"name":${BIG}`],
    ['"name":null'],
  ])("with the params {%s}", async (params) => {
    for (const client of [old, modern]) {
      const meta = JSON.stringify(modernRequest("x").params._meta);
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params},"_meta":${meta}}}`;
      const raw = JSON.parse(body);
      const isModern = client === modern;
      const headers = isModern ? modernHeaders("tools/call", { name: raw.params.name }) : {};
      const text = isModern ? body : body.replace(/,"_meta":\{.*\}\}\}$/, "}}");
      const response = await fetch(url("files"), {
        method: "POST",
        headers: {
          authorization: `Bearer ${ada.tokens.access_token}`,
          accept: "application/json, text/event-stream",
          "content-type": "application/json",
          ...client.headers,
          ...headers,
        } as Record<string, string>,
        body: text,
      }).catch(() => undefined); // a header that cannot be sent
      if (!response) continue;
      const [message] = await messagesOf(response);
      expect(message.error.code).toBeOneOf([-32602, -32020]);
    }
    expect(asked()).toEqual([]);
  });

  it("in a batch, whose other calls go on", async () => {
    const response = await batches.post([
      call("read_a", { id: 1 }),
      call("delete_a", { id: "2" }),
      call("read_b", { id: 3 }),
    ]);
    const messages = await messagesOf(response);
    const codes = new Map(messages.map(({ id, error }) => [id, error?.code]));
    expect([codes.get(1), codes.get("2"), codes.get(3)]).toEqual([undefined, -32602, undefined]);
    expect(messages).toHaveLength(3);
    expect(asked()).toEqual(["read_a", "read_b"]);
    const all = await batches.post([call("delete_a", { id: 1 }), call("delete_b", { id: 2 })]);
    expect((await messagesOf(all)).map(({ error }) => error)).toEqual([
      expect.objectContaining(UNKNOWN),
      expect.objectContaining(UNKNOWN),
    ]);
    expect(asked()).toEqual(["read_a", "read_b"]);
  });

  it("as a notification, of which nobody hears", async () => {
    for (const client of [old, modern]) {
      for (const method of ["tools/call", "vendor/call"]) {
        const headers = client === modern ? modernHeaders(method, { name: "delete_x" }) : {};
        const response = await client.post({ ...call("delete_x"), id: undefined, method }, headers);
        expect(response.status).toBe(202);
      }
    }
    expect((await old.ask("tools/call", call("read_x").params)).result).toBeDefined();
    expect(asked()).toEqual(["read_x"]);
  });

  it("whatever Mcp-Name says, and however far a call of several rounds has come", async () => {
    const lying = modernRequest("tools/call", { name: "delete_x" });
    const response = await modern.post(lying, modernHeaders("tools/call", { name: "read_x" }));
    expect(response.status).toBe(400);
    for (const more of [{ requestState: "x" }, { inputResponses: {}, requestState: "" }]) {
      const answer = await modern.ask("tools/call", { name: "delete_x", arguments: {}, ...more });
      expect(answer.error).toMatchObject(UNKNOWN);
    }
    expect(asked()).toEqual([]);
  });

  it.each([
    [{ path: "/srvX" }],
    [{ path: "/srv/%2e%2e/etc" }],
    [{ path: ["/srv/a", "../etc"] }],
    [{ Path: "/srv/a" }],
    [{ path: "/srv/a", PATH: "/etc" }],
    [["/srv/a"]],
    ["/srv/a"],
    [null],
  ])("with the arguments %j", async (given) => {
    for (const client of [old, modern]) {
      const answer = await client.ask("tools/call", { name: "read_file", arguments: given });
      expect(answer.error).toMatchObject({
        code: -32602,
        message: expect.stringContaining("path"),
      });
      expect(JSON.stringify(gateway.events)).not.toContain("/etc");
    }
    expect(asked()).toEqual([]);
  });

  it("and what is allowed does not", async () => {
    for (const client of [old, modern]) {
      const answer = await client.ask("tools/call", {
        name: "read_file",
        arguments: { path: "/srv/a" },
      });
      expect(answer.result.content[0].text).toBe("did read_file");
    }
  });
});

describe("an answer to a list", () => {
  it("keeps cursors and numbers of any size, plain and as a stream", async () => {
    const { tokens } = await logIn(url("far"));
    for (const version of ["2025-11-25", "modern"] as const) {
      const client = await eraClient(url("far"), tokens.access_token, version);
      for (const cursor of [undefined, "page"]) {
        const params = cursor === undefined ? {} : { cursor };
        const headers = version === "modern" ? modernHeaders("tools/list") : {};
        const request =
          version === "modern"
            ? modernRequest("tools/list", params)
            : { jsonrpc: "2.0", id: 1, method: "tools/list", params };
        const text = await (await client.post(request, headers)).text();
        expect(text).toContain(`"tools":[{"name":"read_x","inputSchema":{"maximum":${BIG}}}]`);
        expect(text).toContain(`"nextCursor":"${cursor ?? ""}${BIG}"`);
        expect(text).toContain(`"n":${BIG}`);
      }
    }
  });
});

describe("policies for clients", () => {
  it("fit those whose every redirect URI is at the host, and nobody else gets anything", async () => {
    const both = [...HOSTS.redirect_uris, "https://evil.example/callback"];
    for (const [redirect_uris, works] of [
      [HOSTS.redirect_uris, true],
      [both, false],
      [["https://app.example.evil.example/callback"], false],
    ] as const) {
      const { tokens } = await logIn(url("clients"), {
        metadata: { redirect_uris: [...redirect_uris] },
      });
      const client = await eraClient(url("clients"), tokens.access_token, "2025-11-25");
      const read = await client.ask("tools/call", call("read_x").params);
      if (works) expect(read.result).toBeDefined();
      else expect(read.error).toMatchObject(UNKNOWN);
      expect((await client.ask("tools/call", call("write_x").params)).error).toMatchObject(UNKNOWN);
    }
  });
});

describe("a change of the file", () => {
  it("counts for sessions that run, and for what they have subscribed to", async () => {
    const { tokens } = await logIn(url("bench"));
    const client = await eraClient(url("bench"), tokens.access_token, "2025-11-25");
    const abort = new AbortController();
    const stream = await fetch(url("bench"), {
      headers: {
        authorization: `Bearer ${tokens.access_token}`,
        accept: "text/event-stream",
        ...client.headers,
      },
      signal: abort.signal,
    });
    const uris = ["test://secret/a", "test://open/a"];
    for (const uri of uris) await client.ask("resources/subscribe", { uri });
    const pid = (await client.ask("tools/call", { name: "pid" })).result.content[0].text;
    await change(RULES, { resources: { deny: ["test://secret/*"] }, tools: { deny: ["pid"] } });
    expect((await client.ask("tools/call", { name: "pid" })).error).toMatchObject(UNKNOWN);
    expect((await client.ask("resources/read", { uri: uris[0] })).error.code).toBe(-32002);
    for (const uri of uris) {
      const params = { method: "notifications/resources/updated", params: { uri } };
      await client.ask("tools/call", { name: "notify", arguments: params });
    }
    const heard: unknown[] = [];
    for await (const { data } of eventsOf(stream)) {
      const message = data === "" ? {} : JSON.parse(data);
      if (message.method === undefined) continue;
      heard.push(message.params?.uri ?? message.method);
      if (message.params) break;
    }
    abort.abort();
    const changed = ["tools", "resources"].map((kind) => `notifications/${kind}/list_changed`);
    expect(heard).toEqual([...changed, uris[1]]);
    await change(RULES, {});
    expect((await client.ask("tools/call", { name: "pid" })).result.content[0].text).toBe(pid);
  });
});

describe.each(["bench", "modern"])("a change of the file for service %s", (service) => {
  it("is heard of by modern clients that listen for it, once, and by no others", async () => {
    const { tokens } = await logIn(url(service));
    const client = await eraClient(url(service), tokens.access_token, "modern");
    const listen = async (notifications: object) => {
      const method = "subscriptions/listen";
      const request = modernRequest(method, { notifications }, "same");
      const events = eventsOf(await client.post(request, modernHeaders(method)));
      const next = async () => JSON.parse((await events.next()).value!.data);
      expect((await next()).params.notifications).toEqual(notifications);
      return next;
    };
    const tools = await listen({ toolsListChanged: true });
    const prompts = await listen({ promptsListChanged: true });
    await change(RULES, { tools: { deny: ["pid"] } });
    await change(RULES, { tools: { deny: ["pid"] }, prompts: { deny: ["x"] } });
    await change(RULES, {});
    const about = (kind: string) => ({
      jsonrpc: "2.0",
      method: `notifications/${kind}/list_changed`,
      params: { _meta: { "io.modelcontextprotocol/subscriptionId": "same" } },
    });
    expect([await tools(), await tools()]).toEqual([about("tools"), about("tools")]);
    expect([await prompts(), await prompts()]).toEqual([about("prompts"), about("prompts")]);
  });
});

describe("ForwardAuth", () => {
  const verify = (method: string, name?: string, headers: object = {}) =>
    fetch(`${gateway.url}/verify`, {
      headers: {
        "x-forwarded-method": "POST",
        "x-forwarded-proto": "http",
        "x-forwarded-host": new URL(gateway.url).host,
        "x-forwarded-uri": "/files/mcp",
        authorization: `Bearer ${ada.tokens.access_token}`,
        ...modernHeaders(method, { name }),
        ...headers,
      },
    });

  it.each([
    ["tools/call", "read_x", 200],
    ["tools/call", "delete_x", 403],
    ["tools/call", "DELETE_x", 403],
    ["tools/call", "read_file", 403], // its arguments cannot be seen
    ["tools/call", undefined, 403],
    ["tools/list", undefined, 403], // nobody can filter the answer
    ["prompts/list", undefined, 200],
    ["prompts/get", "any", 200],
    ["server/discover", undefined, 200],
    ["vendor/call", "read_x", 403],
    ["completion/complete", undefined, 403],
  ])("of %s %s says %i", async (method, name, status) => {
    const response = await verify(method, name);
    expect(response.status).toBe(status);
    if (status === 403) expect(response.headers.get("www-authenticate")).toBeNull();
  });

  it("believes no header that the server behind does not compare", async () => {
    const response = await verify("tools/call", "read_x", { "mcp-protocol-version": "2025-11-25" });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("own endpoint");
  });
});
