import * as fc from "fast-check";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { OAuthError } from "../../../../src/errors.ts";
import {
  redirectWithCode,
  redirectWithError,
} from "../../../../src/server/oauth/authorization-response.ts";

const context = { issuer: "https://gw.example.com" };

function answer(respond: (response: ServerResponse) => void): { status: number; location: string } {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  respond(response);
  expect(response.getHeader("Cache-Control")).toBe("no-store");
  return { status: response.statusCode, location: String(response.getHeader("Location")) };
}

describe("the redirect to the client", () => {
  it.each([
    ["https://a.example/cb", "https://a.example/cb?code=c&iss=https%3A%2F%2Fgw.example.com"],
    [
      "https://a.example/cb?x=a%20b",
      "https://a.example/cb?x=a%20b&code=c&iss=https%3A%2F%2Fgw.example.com",
    ],
    ["https://a.example/cb?", "https://a.example/cb?code=c&iss=https%3A%2F%2Fgw.example.com"],
    ["http://127.0.0.1:1", "http://127.0.0.1:1?code=c&iss=https%3A%2F%2Fgw.example.com"],
    ["com.example.app:/cb", "com.example.app:/cb?code=c&iss=https%3A%2F%2Fgw.example.com"],
  ])("appends to %s without rewriting it (RFC 6749 §3.1.2)", (redirectUri, expected) => {
    expect(answer((response) => redirectWithCode(context, response, { redirectUri }, "c"))).toEqual(
      {
        status: 303,
        location: expected,
      },
    );
  });

  it("returns any state as it came and splits no header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (state) => {
        const error = new OAuthError("access_denied", 'no "way"\r\nX: y');
        const target = { redirectUri: "https://a.example/cb", state };
        const { location } = answer((response) =>
          redirectWithError(context, response, target, error),
        );
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        const parameters = new URL(location).searchParams;
        expect(parameters.getAll("state")).toEqual([state]);
        expect(parameters.get("error")).toBe("access_denied");
        expect(parameters.getAll("iss")).toEqual([context.issuer]);
      }),
    );
  });
});
