import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import {
  clearCookie,
  cookieName,
  cookieNames,
  readCookie,
  setCookie,
} from "../../../../src/server/oauth/cookie.ts";

const VALUE = "v".repeat(43);

function requestWith(cookie: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers.cookie = cookie;
  return request;
}

describe("cookies (RFC 6265bis §4.1.3.2)", () => {
  it("are bound to the host on https", () => {
    const name = cookieName("https://gw.example.com", "login");
    expect(name).toBe("__Host-mcp-gateway-login");
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    setCookie(response, name, VALUE, 600);
    expect(response.getHeader("set-cookie")).toBe(
      `${name}=${VALUE}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure`,
    );
  });

  it("work on http loopback, where Safari refuses Secure, and differ by port", () => {
    const name = cookieName("http://localhost:8080", "login");
    expect(name).toBe("mcp-gateway-8080-login");
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    clearCookie(response, name);
    expect(response.getHeader("set-cookie")).toBe(
      `${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`,
    );
  });

  it.each([
    ["alone", `a=${VALUE}`, VALUE],
    ["among others", `x=1; a=${VALUE}; b=2`, VALUE],
    ["twice", `a=${VALUE}; a=${VALUE}`, undefined],
    ["twice with different values", `a=${"w".repeat(43)}; a=${VALUE}`, undefined],
    ["in quotes", `a="${VALUE}"`, undefined],
    ["too long", `a=${VALUE}${"x".repeat(8192)}`, undefined],
    ["too short", "a=v", undefined],
    ["with foreign characters", `a=${VALUE.slice(1)}%`, undefined],
    ["under another case of its name", `A=${VALUE}`, undefined],
    ["absent", "", undefined],
  ])("are read strictly: %s", (_case, header, expected) => {
    expect(readCookie(requestWith(header), "a")).toBe(expected);
  });

  it("are listed oldest first, each once", () => {
    expect(cookieNames(requestWith("p-2=x; q=1; p-1=x; p-2=y"), "p-")).toEqual(["p-2", "p-1"]);
  });
});
