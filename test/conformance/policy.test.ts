/**
 * What rules keep from a caller, in every pair of eras: it is in no list, and asking for it is like asking for what does not
 * exist. The servers are real ones, on stdio and elsewhere.
 */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eraClient, modernHeaders, type EraClient } from "../support/era-client.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { eventsOf, type Wire } from "../support/mcp-session.ts";
import { modernRequest } from "../support/modern-request.ts";
import { logIn } from "../support/strict-client.ts";
import { referee, type Upstream } from "../support/upstream.ts";

const RULES = {
  tools: { allow: ["test_*"], deny: ["test_image_*", "test_input_required_result_elicit*"] },
  resources: { allow: ["test://static-*", "test://watched-resource"], deny: ["*-binary"] },
  prompts: { deny: ["*_with_*"] },
  arguments: { test_sampling: { prompt: { values: ["hello"] } } },
};

const disk = realpathSync(mkdtempSync(join(tmpdir(), "policy-disk-")));
mkdirSync(join(disk, "open"));
for (const name of ["open/a", "secret", "openX"]) writeFileSync(join(disk, name), name.slice(-1));

let gateway: TestGateway;
let upstreams: Record<"legacy" | "modern", Upstream>;

beforeAll(async () => {
  upstreams = { legacy: await referee("legacy"), modern: await referee("modern") };
  const program = (era: string) => ({
    command: process.execPath,
    args: [fixture("conformance-server.js"), "--era", era],
  });
  gateway = await startGateway({
    config: {
      services: {
        "stdio-legacy": { ...program("legacy"), ...RULES },
        "stdio-modern": { ...program("modern"), ...RULES },
        "far-legacy": { url: upstreams.legacy.url, ...RULES },
        "far-modern": { url: upstreams.modern.url, ...RULES },
        disk: {
          command: process.execPath,
          args: [
            createRequire(import.meta.url).resolve(
              "@modelcontextprotocol/server-filesystem/dist/index.js",
            ),
            disk,
          ],
          tools: { allow: ["read_*", "list_*"] },
          arguments: { "*": { path: { prefix: [join(disk, "open")] } } },
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway.close();
  rmSync(disk, { recursive: true });
  await Promise.all([upstreams.legacy.close(), upstreams.modern.close()]);
});

const names = (list: { name?: string; uri?: string }[]) => list.map(({ uri, name }) => uri ?? name);

describe.each(["stdio-legacy", "stdio-modern", "far-legacy", "far-modern"])("at %s", (service) => {
  let token: string;
  beforeAll(async () => {
    token = (await logIn(`${gateway.url}/${service}/mcp`)).tokens.access_token;
  });

  describe.each(["2025-11-25", "modern"] as const)("a client of %s", (version) => {
    let client: EraClient;
    const isModern = version === "modern";
    beforeAll(async () => {
      client = await eraClient(`${gateway.url}/${service}/mcp`, token, version);
    }, 30_000);

    it("sees what it may use, and nothing else", async () => {
      const { tools, ...rest } = (await client.ask("tools/list")).result;
      expect(names(tools)).toEqual(expect.arrayContaining(["test_simple_text", "test_sampling"]));
      expect(names(tools).filter((name) => !name!.startsWith("test_"))).toEqual([]);
      expect(names(tools).filter((name) => /image|result_elicit/.test(name!))).toEqual([]);
      if (isModern) expect(rest).toMatchObject({ resultType: "complete", cacheScope: "private" });
      const { resources } = (await client.ask("resources/list")).result;
      expect(names(resources)).toEqual(["test://static-text", "test://watched-resource"]);
      const templates = (await client.ask("resources/templates/list")).result;
      expect(templates.resourceTemplates).toEqual([]);
      const { prompts } = (await client.ask("prompts/list")).result;
      expect(names(prompts)).toContain("test_simple_prompt");
      expect(names(prompts).filter((name) => name!.includes("_with_"))).toEqual([]);
    });

    it("uses what it may", async () => {
      const called = await client.ask("tools/call", { name: "test_simple_text", arguments: {} });
      expect(called.result.content[0].text).toContain("simple text");
      const read = await client.ask("resources/read", { uri: "test://static-text" });
      expect(read.result.contents).toHaveLength(1);
      if (isModern) expect(read.result.cacheScope).toBe("private");
      const got = await client.ask("prompts/get", { name: "test_simple_prompt" });
      expect(got.result.messages).toHaveLength(1);
    });

    it("hears only of resources that it may read", async () => {
      const watched = "test://watched-resource";
      const hidden = "test://static-binary";
      if (isModern) {
        const wanted = { notifications: { resourceSubscriptions: [watched, hidden, 7] } };
        const listen = modernRequest("subscriptions/listen", wanted, "sub");
        const stream = await client.post(listen, modernHeaders("subscriptions/listen"));
        const events = eventsOf(stream);
        const { value } = await events.next();
        await events.return(undefined);
        expect(value.data).toContain(watched);
        expect(value.data).not.toContain(hidden);
      } else {
        expect(await client.ask("resources/subscribe", { uri: watched })).toHaveProperty("result");
        expect(await client.ask("resources/subscribe", { uri: hidden })).toMatchObject({
          error: gone(hidden),
        });
      }
      expect(gateway.events.findLast(({ type }) => type === "policy.denied")).toMatchObject({
        target: hidden,
      });
    });

    const gone = (uri: string) => ({
      code: isModern ? -32602 : -32002,
      message: "Resource not found",
      data: { uri },
    });
    const unknown = (what: string, name: string) => ({
      code: -32602,
      message: `Unknown ${what}: ${name}`,
    });
    const call = (name: string, given: object = {}) => ({ name, arguments: given });
    const complete = (ref: object) => ({ ref, argument: { name: "x", value: "a" } });

    it.each<[string, Wire, Wire, string]>([
      [
        "tools/call",
        call("test_image_content"),
        unknown("tool", "test_image_content"),
        "tools.deny.0",
      ],
      [
        "tools/call",
        call("TEST_IMAGE_content"),
        unknown("tool", "TEST_IMAGE_content"),
        "tools.deny.0",
      ],
      [
        "tools/call",
        call("json_schema_2020_12_tool"),
        unknown("tool", "json_schema_2020_12_tool"),
        "tools.allow",
      ],
      [
        "tools/call",
        call("test_sampling", { prompt: "bye" }),
        { code: -32602 },
        "arguments.test_sampling.prompt",
      ],
      ["tools/call", { name: "test_sampling" }, { code: -32602 }, "arguments.test_sampling.prompt"],
      [
        "resources/read",
        { uri: "test://static-binary" },
        gone("test://static-binary"),
        "resources.deny.0",
      ],
      [
        "resources/read",
        { uri: "test://template/1/data" },
        gone("test://template/1/data"),
        "resources.allow",
      ],
      [
        "resources/read",
        { uri: "test://static-text/../template/1/data" },
        { code: isModern ? -32602 : -32002 },
        "resources",
      ],
      [
        "prompts/get",
        { name: "test_prompt_with_image" },
        unknown("prompt", "test_prompt_with_image"),
        "prompts.deny.0",
      ],
      [
        "completion/complete",
        complete({ type: "ref/prompt", name: "test_prompt_with_arguments" }),
        { code: -32602 },
        "prompts.deny.0",
      ],
      [
        "completion/complete",
        complete({ type: "ref/resource", uri: "test://template/{id}/data" }),
        { code: isModern ? -32602 : -32002 },
        "resources.allow",
      ],
      ["completion/complete", complete({ type: "ref/tool", name: "x" }), { code: -32601 }, ""],
      ["vendor/call", call("test_image_content"), { code: -32601 }, ""],
    ])("is told of %s %j that it does not exist", async (method, params, error, rule) => {
      const answer = await client.ask(method, params);
      expect(answer.error).toMatchObject(error);
      expect(answer).not.toHaveProperty("result");
      const place = `services.${service}${rule && `.${rule}`}`;
      expect(gateway.events.findLast(({ type }) => type === "policy.denied")).toMatchObject({
        service,
        method,
        rule: place,
      });
      expect(JSON.stringify(gateway.events)).not.toContain('"bye"');
    });
  });
});

describe("server-filesystem", () => {
  it.each(["2025-11-25", "modern"] as const)("shows a client of %s one folder", async (version) => {
    const { tokens } = await logIn(`${gateway.url}/disk/mcp`);
    const client = await eraClient(`${gateway.url}/disk/mcp`, tokens.access_token, version);
    const { tools } = (await client.ask("tools/list")).result;
    expect(names(tools)).toContain("read_text_file");
    expect(names(tools).filter((name) => !/^(?:read|list)_/.test(name!))).toEqual([]);
    const read = (path: string) =>
      client.ask("tools/call", { name: "read_text_file", arguments: { path } });
    expect((await read(join(disk, "open/a"))).result.content[0].text).toBe("a");
    for (const path of ["secret", "open/../secret", "open/%2e%2e/secret", "openX"]) {
      expect((await read(`${disk}/${path}`)).error).toMatchObject({ code: -32602 });
    }
    const write = { name: "write_file", arguments: { path: join(disk, "open/b"), content: "b" } };
    expect((await client.ask("tools/call", write)).error.message).toBe("Unknown tool: write_file");
    expect(readdirSync(join(disk, "open"))).toEqual(["a"]);
  });
});

describe("what never reached a server", () => {
  it("is what was refused", () => {
    const bodies = [...upstreams.legacy.requests, ...upstreams.modern.requests].map(({ body }) =>
      JSON.stringify(body),
    );
    expect(bodies.filter((body) => /simple_text/.test(body)).length).toBeGreaterThan(3);
    expect(
      bodies.filter((body) =>
        /image_content|"bye"|static-binary|template\/1|vendor|2020_12/i.test(body),
      ),
    ).toEqual([]);
  });
});
