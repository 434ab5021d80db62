import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../../src/config-file.ts";
import { OAuthError } from "../../../../src/errors.ts";
import { narrowedScopes, parseScope, requestedScopes } from "../../../../src/server/oauth/scope.ts";
import { createResources } from "../../../../src/server/resources.ts";

const resources = createResources(
  makeConfig({
    publicUrl: "https://gw.example.com",
    services: {
      files: {
        command: "true",
        scopes: { "files:write": { description: "change files", tools: ["write_*"] } },
      },
      other: { command: "true" },
    },
  }),
);

function requested(
  scope: string | undefined,
  registered: string | undefined,
  options: { via?: "registration" | "command"; service?: string } = {},
): string[] {
  const metadata = {
    redirect_uris: [],
    token_endpoint_auth_method: "none" as const,
    grant_types: [],
    response_types: [],
    ...(registered !== undefined && { scope: registered }),
  };
  const resource = `https://gw.example.com/${options.service ?? "files"}/mcp`;
  const client = { metadata, via: options.via ?? ("registration" as const) };
  return requestedScopes({ resources }, client, { scope, resource });
}

describe("scope, RFC 6749 §3.3", () => {
  it("is a list without repetitions, in the order sent", () => {
    expect(parseScope(" b  a b ")).toEqual(["b", "a"]);
  });

  it.each(['a"b', "a\\b", "a\tb", "a\nb", "ä", "a".repeat(2001)])("refuses %j", (text) => {
    expect(() => parseScope(text)).toThrow(OAuthError);
  });

  it.each([
    [undefined, undefined, ["mcp"]],
    ["", undefined, ["mcp"]],
    ["mcp", undefined, ["mcp"]],
    ["mcp offline_access", undefined, ["mcp", "offline_access"]],
    ["openid profile", undefined, ["mcp"]],
    ["openid mcp", undefined, ["mcp"]],
    ["offline_access", undefined, ["mcp", "offline_access"]],
    ["mcp offline_access", "mcp", ["mcp"]],
    ["offline_access", "mcp", ["mcp"]],
    ["toString __proto__", undefined, ["mcp"]],
    ["files:write", undefined, ["mcp", "files:write"]],
    ["mcp files:*", undefined, ["mcp"]],
    ["mcp *", undefined, ["mcp"]],
  ])("of the request %j, with %j registered, becomes %j", (asked, registered, expected) => {
    expect(requested(asked, registered)).toEqual(expected);
  });

  it("knows the scopes of its own resource only (SB17)", () => {
    expect(requested("mcp files:write", undefined, { service: "other" })).toEqual(["mcp"]);
  });

  it("may step up beyond what a client wrote when it registered itself, not beyond an operator's list", () => {
    expect(requested("mcp files:write", "mcp")).toEqual(["mcp", "files:write"]);
    expect(requested("mcp files:write", "mcp", { via: "command" })).toEqual(["mcp"]);
    expect(requested("mcp files:write", "mcp files:write", { via: "command" })).toEqual([
      "mcp",
      "files:write",
    ]);
  });

  it("can only become narrower on refresh (§6)", () => {
    expect(narrowedScopes(undefined, ["mcp", "offline_access"])).toEqual(["mcp", "offline_access"]);
    expect(narrowedScopes("mcp", ["mcp", "offline_access"])).toEqual(["mcp"]);
    expect(() => narrowedScopes("mcp offline_access", ["mcp"])).toThrow(
      expect.objectContaining({ code: "invalid_scope" }),
    );
  });
});
