import { describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import { narrowedScopes, parseScope, requestedScopes } from "../../../../src/server/oauth/scope.ts";

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
  ])("of the request %j, with %j registered, becomes %j", (requested, registered, expected) => {
    expect(requestedScopes(requested, registered)).toEqual(expected);
  });

  it("can only become narrower on refresh (§6)", () => {
    expect(narrowedScopes(undefined, ["mcp", "offline_access"])).toEqual(["mcp", "offline_access"]);
    expect(narrowedScopes("mcp", ["mcp", "offline_access"])).toEqual(["mcp"]);
    expect(() => narrowedScopes("mcp offline_access", ["mcp"])).toThrow(
      expect.objectContaining({ code: "invalid_scope" }),
    );
  });
});
