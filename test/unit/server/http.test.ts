import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainPath } from "../../../src/server/http.ts";

describe("plainPath (FA-12)", () => {
  it.each([
    ["/", "/"],
    ["/files/mcp?x=/../y", "/files/mcp"],
    [
      "/.well-known/oauth-protected-resource/files/mcp",
      "/.well-known/oauth-protected-resource/files/mcp",
    ],
    ["/callback/my%20idp", "/callback/my%20idp"],
  ])("takes %s", (target, path) => {
    expect(plainPath(target)).toBe(path);
  });

  it.each([
    "",
    "*",
    "files/mcp",
    "http://gw.example.com/files/mcp",
    "//evil/verify",
    "/files//mcp",
    "/files/mcp/../../fetch",
    "/files/./mcp",
    "/files/mcp/%2e%2e/fetch",
    "/files%2fmcp",
    "/files%2Fmcp",
    "/files%5cmcp",
    "/files\\mcp",
    "/files/mcp;x",
    "/files/mcp%00",
    "/files/mcp%252e",
    "/files/mcp#/public",
    "/files/\u00e9",
  ])("refuses %s", (target) => {
    expect(plainPath(target)).toBeUndefined();
  });

  it("yields only paths that every reader resolves alike", () => {
    fc.assert(
      fc.property(fc.webPath(), fc.string(), (path, tail) => {
        const plain = plainPath(`/${path}${tail}`);
        if (plain !== undefined) expect(new URL(plain, "http://h").pathname).toBe(plain);
      }),
    );
  });
});
