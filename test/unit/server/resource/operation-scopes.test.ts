import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../../src/config-file.ts";
import { authorize } from "../../../../src/server/resource/authorize.ts";
import {
  scopesOfForwarded,
  scopesOfMessage,
} from "../../../../src/server/resource/operation-scopes.ts";
import { createResources, type Resource } from "../../../../src/server/resources.ts";

function resourceWith(groups: Record<string, { tools: string[]; includes?: string[] }>): Resource {
  const scopes = Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, { description: name, ...group }]),
  );
  const services = { files: { command: "true", scopes } };
  return createResources(makeConfig({ publicUrl: "https://gw.example.com", services })).all[0]!;
}

const files = resourceWith({
  "files:write": { tools: ["write_*", "delete_*"] },
  "files:delete": { tools: ["delete_*"] },
  "files:all": { tools: ["format_disk"], includes: ["files:write", "files:delete"] },
});
const everything = ["mcp", "files:write", "files:delete", "files:all"];

describe("the scopes of a message", () => {
  it.each([
    ["initialize", undefined, ["mcp"]],
    ["tools/list", undefined, ["mcp"]],
    ["prompts/get", "write_x", ["mcp"]],
    ["tools/call", "read_file", ["mcp"]],
    ["tools/call", "write_file", ["mcp", "files:write"]],
    ["tools/call", "write_", ["mcp", "files:write"]],
    ["tools/call", "rewrite_file", ["mcp"]],
    ["tools/call", "format_disk", ["mcp", "files:all"]],
    ["tools/call", "format_disk2", ["mcp"]],
  ])("%s of %j are %j", (method, name, expected) => {
    expect(scopesOfMessage(files, method, name)).toEqual(expected);
  });

  it("are those of all groups that a tool falls into", () => {
    expect(scopesOfMessage(files, "tools/call", "delete_file")).toEqual([
      "mcp",
      "files:write",
      "files:delete",
    ]);
  });

  it.each([undefined, null, 7, {}, ["write_x"]])(
    "are all there are when the name is %j",
    (name) => {
      expect(scopesOfMessage(files, "tools/call", name)).toEqual(everything);
    },
  );

  it.each([
    ["*", "anything", true],
    ["*", "", true],
    ["a*", "a", true],
    ["*a", "ba", true],
    ["a*b*c", "a1b2c", true],
    ["a*b*c", "abc", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["ab*ba", "aba", false],
    ["a**b", "ab", true],
    ["a.c", "abc", false],
    ["(a+)+$", "aaaa", false],
    ["write_?", "write_1", false],
    ["Write_*", "write_1", false],
  ])("take the pattern %j for %j: %j", (pattern, name, isMeant) => {
    const resource = resourceWith({ group: { tools: [pattern] } });
    expect(scopesOfMessage(resource, "tools/call", name).includes("group")).toBe(isMeant);
  });

  it("are found at once in a name of megabytes", () => {
    const resource = resourceWith({ group: { tools: ["*a*a*a*a*a*a*a*a*b"] } });
    const before = performance.now();
    scopesOfMessage(resource, "tools/call", "a".repeat(4_000_000));
    expect(performance.now() - before).toBeLessThan(500);
  });
});

describe("the scopes of a request at ForwardAuth (A24)", () => {
  const forwarded = (headers: Record<string, string>, comparesHeaders = true) =>
    scopesOfForwarded(files, {
      method: "POST",
      head: { headers, rawHeaders: Object.entries(headers).flat() },
      comparesHeaders,
    });
  const modern = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call" };

  it("follow the headers of a revision whose servers compare them", () => {
    expect(forwarded({ ...modern, "mcp-name": "read_file" })).toEqual(["mcp"]);
    expect(forwarded({ ...modern, "mcp-name": "write_file" })).toEqual(["mcp", "files:write"]);
    const encoded = `=?base64?${Buffer.from("write_file").toString("base64")}?=`;
    expect(forwarded({ ...modern, "mcp-name": encoded })).toEqual(["mcp", "files:write"]);
    expect(forwarded({ ...modern, "mcp-method": "tools/list" })).toEqual(["mcp"]);
  });

  it.each([
    { "mcp-protocol-version": "2025-11-25", "mcp-method": "tools/call", "mcp-name": "read_file" },
    { "mcp-method": "tools/call", "mcp-name": "read_file" },
    { "mcp-protocol-version": "2026-07-28, 2025-11-25", "mcp-method": "tools/list" },
    { "mcp-protocol-version": "9999-01-01", "mcp-method": "tools/list" },
    { ...modern },
    { ...modern, "mcp-name": "read_file, write_file" },
    { ...modern, "mcp-name": "=?base64?!!!?=" },
    { ...modern, "mcp-name": "=?base64?cmVhZF9maWxl=?=" },
    { ...modern, "mcp-name": "read_fil\u00e9" },
    { ...modern, "mcp-name": "read_file", "mcp-method": "tools/call x" },
    { ...modern, "mcp-method": "tools/list, tools/call" },
    { "mcp-protocol-version": "2026-07-28" },
  ])("are all there are when headers prove nothing, %#", (headers) => {
    expect(forwarded(headers)).toEqual(everything);
  });

  it("do not follow headers that the server behind does not know", () => {
    expect(forwarded({ ...modern, "mcp-name": "read_file" }, false)).toEqual(everything);
  });

  it("are only mcp for streams, and where there are no groups", () => {
    const head = { headers: {}, rawHeaders: [] };
    const streams = { method: "GET", head, comparesHeaders: true };
    expect(scopesOfForwarded(files, streams)).toEqual(["mcp"]);
    const posts = { method: "POST", head, comparesHeaders: true };
    expect(scopesOfForwarded(resourceWith({}), posts)).toEqual(["mcp"]);
  });
});

describe("a caller", () => {
  const may = (scopes: string[], needed: string[]): string => {
    const auth = { scopes } as unknown as Parameters<typeof authorize>[0];
    try {
      authorize(auth, files, needed);
      return "may";
    } catch (error) {
      return (error as { scopes: string[] }).scopes.join(" ");
    }
  };

  it("needs every scope of the operation, and is told all of them (A23)", () => {
    expect(may(["mcp", "files:write"], ["mcp", "files:write"])).toBe("may");
    expect(may(["mcp"], ["mcp", "files:write"])).toBe("mcp files:write");
    expect(may(["files:write"], ["mcp", "files:write"])).toBe("mcp files:write");
    expect(may([], ["mcp"])).toBe("mcp");
  });

  it("has what its scopes include (A23: hierarchies)", () => {
    expect(may(["mcp", "files:all"], ["mcp", "files:write", "files:delete"])).toBe("may");
    expect(may(["mcp", "files:write"], ["mcp", "files:all"])).toBe("mcp files:all");
  });

  it("is not confused by groups that include each other", () => {
    const circle = resourceWith({
      a: { tools: ["a"], includes: ["b"] },
      b: { tools: ["b"], includes: ["a"] },
    });
    const auth = { scopes: ["a"] } as unknown as Parameters<typeof authorize>[0];
    expect(() => authorize(auth, circle, ["b"])).not.toThrow();
  });
});
