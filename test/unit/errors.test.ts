import { describe, expect, it } from "vitest";
import { EXIT, messageOf, OAUTH_ERRORS, OAuthError, UserError } from "../../src/errors.ts";

describe("OAuthError", () => {
  it("carries the status of its code, unless the place in the protocol wants another", () => {
    expect(new OAuthError("invalid_client", "who are you").status).toBe(401);
    expect(new OAuthError("invalid_client", "who are you", { status: 400 }).status).toBe(400);
  });

  it("puts code and description on the wire and keeps the detail for the log", () => {
    const error = new OAuthError("invalid_grant", "unknown code", { detail: "used twice" });
    expect(error.toJSON()).toEqual({ error: "invalid_grant", error_description: "unknown code" });
    expect(JSON.stringify(error)).not.toContain("used twice");
  });

  it("writes only characters that RFC 6749 section 5.2 allows in a description", () => {
    const { message } = new OAuthError("invalid_request", 'say "no" \\ to\r\nü');
    expect(message).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/);
  });

  it("knows a status and a specification for every code", () => {
    for (const { status, spec } of Object.values(OAUTH_ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(spec).toMatch(/§/);
    }
  });
});

describe("UserError", () => {
  it("fails with exit 1 unless told otherwise", () => {
    expect(new UserError("no").exitCode).toBe(EXIT.failed);
    expect(new UserError("no", { exitCode: EXIT.notRunning }).exitCode).toBe(3);
  });
});

describe("messageOf", () => {
  it("finds words for whatever was thrown", () => {
    expect(messageOf(new Error("a"))).toBe("a");
    expect(messageOf("b")).toBe("b");
    expect(messageOf(undefined)).toBe("undefined");
  });
});
