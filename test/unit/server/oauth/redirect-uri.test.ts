import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isNativeUri,
  matchesRedirectUri,
  redirectUriProblem,
} from "../../../../src/server/oauth/redirect-uri.ts";

describe("registration of a redirect URI", () => {
  it.each([
    "https://claude.ai/api/mcp/auth_callback",
    "https://chatgpt.com/connector/oauth/abc-123",
    "https://vscode.dev/redirect",
    "https://app.example.com:8443/cb?tenant=a",
    "https://localhost:8443/cb",
    "http://localhost/callback",
    "http://localhost:3334/oauth/callback",
    "http://127.0.0.1:33418/",
    "http://127.0.0.1:33418",
    "http://[::1]:8080/cb",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "cursor://anysphere.cursor-retrieval/oauth/user-1/callback",
    "vscode-insiders://ms-vscode.mcp/cb",
    "com.example.app:/cb",
    "com.example.app://oauth/cb",
  ])("takes %s", (uri) => {
    expect(redirectUriProblem(uri)).toBeUndefined();
  });

  it.each([
    "",
    "/cb",
    "cb",
    "//evil.example/cb",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://a.example/1",
    "about:blank",
    "ws://localhost/cb",
    "wss://a.example/cb",
    "ftp://a.example/cb",
    "intent:#Intent;end",
    "a:b",
    "myapp://cb",
    "http://evil.example/cb",
    "http://127.1/cb",
    "http://0x7f.1/cb",
    "http://2130706433/cb",
    "http://127.0.0.2/cb",
    "http://0.0.0.0/cb",
    "http://localhost./cb",
    "http://x.localhost/cb",
    "http://localhost.evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:1@evil.example/cb",
    "http://localhost@evil.example/cb",
    "http://localhost:0/cb",
    "http://localhost:65536/cb",
    "http://localhost:123456/cb",
    "http://LOCALHOST/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://[0:0:0:0:0:0:0:1]/cb",
    "HTTPS://a.example/cb",
    "https://",
    "https:///cb",
    "https:a.example/cb",
    "https:/a.example/cb",
    "https://a.example/cb#",
    "https://a.example/cb#frag",
    "https://user@a.example/cb",
    "https://user:pass@a.example/cb",
    "https://*.example/cb",
    "https://a%2eexample/cb",
    "https://a.example/../cb",
    "https://a.example/x/%2e%2E/cb",
    "https://a.example/./cb",
    "https://a.example/cb?code=x",
    "https://a.example/cb?a=b&state=x",
    "https://a.example/cb?%73tate=x",
    "https://a.example/cb?ISS=x",
    "https://a.example/cb?error=x",
    "https://a.example\\@evil.example/cb",
    "https://a.example/c b",
    "https://a.example/cb\r\nSet-Cookie: a=b",
    'https://a.example/"><script>',
    "https://bücher.example/cb",
    "https://a.example/%zz",
    `https://a.example/${"x".repeat(2048)}`,
  ])("refuses %j", (uri) => {
    expect(redirectUriProblem(uri)).toBeTypeOf("string");
  });

  it("never takes anything that a browser would treat as another scheme or host", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary-ascii" }),
          fc.webUrl({ withFragments: true, withQueryParameters: true }),
        ),
        (uri) => {
          if (redirectUriProblem(uri) !== undefined) return;
          const url = new URL(uri);
          expect(url.protocol).toBe(`${uri.split(":")[0]}:`);
          expect(url.hash).toBe("");
          expect(url.username + url.password).toBe("");
          if (url.protocol === "http:")
            expect(["localhost", "127.0.0.1", "[::1]"]).toContain(url.hostname);
        },
      ),
    );
  });
});

describe("matching of a redirect URI, RFC 9700 §4.1.3 and RFC 8252 §7.3", () => {
  it.each([
    ["https://a.example/cb", "https://a.example/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1:51234/cb"],
    ["http://127.0.0.1:33418/", "http://127.0.0.1:5000/"],
    ["http://127.0.0.1:33418", "http://127.0.0.1:33418/"],
    ["http://localhost:1/cb?x=1", "http://localhost:2/cb?x=1"],
    ["http://localhost:1/cb", "http://localhost/cb"],
    ["http://[::1]/cb", "http://[::1]:8080/cb"],
    [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "cursor://anysphere.cursor-mcp/oauth/callback",
    ],
  ])("%s serves %s", (registered, requested) => {
    expect(matchesRedirectUri(registered, requested)).toBe(true);
  });

  it.each([
    ["https://a.example/cb", "HTTPS://a.example/cb"],
    ["https://a.example/cb", "https://A.example/cb"],
    ["https://a.example/cb", "https://a.example:443/cb"],
    ["https://a.example/cb", "https://a.example/cb/"],
    ["https://a.example/cb", "https://a.example/cb?"],
    ["https://a.example/cb", "https://a.example/cb?x=1"],
    ["https://a.example/cb", "https://a.example/cb#"],
    ["https://a.example/cb", "https://a.example/x/../cb"],
    ["https://a.example/cb", "https://a.example/c%62"],
    ["https://a.example/cb", "http://a.example/cb"],
    ["https://a.example", "https://a.example/"],
    ["https://a.example:8443/cb", "https://a.example:8444/cb"],
    ["https://localhost:8443/cb", "https://localhost:8444/cb"],
    ["http://127.0.0.1/cb", "http://localhost/cb"],
    ["http://localhost/cb", "http://[::1]/cb"],
    ["http://127.0.0.1/cb", "https://127.0.0.1/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1/cb/"],
    ["http://127.0.0.1/cb", "http://127.0.0.1/CB"],
    ["http://127.0.0.1/cb", "http://127.0.0.1/cb?x=1"],
    ["http://127.0.0.1/cb", "http://127.0.0.1:/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.2/cb"],
    ["http://127.0.0.1/cb", "http://0x7f.1/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"],
    ["http://127.0.0.1/cb", "http://127.0.0.1:80\n/cb"],
    ["com.example.app:/cb", "com.example.app:/CB"],
  ])("%s does not serve %j", (registered, requested) => {
    expect(matchesRedirectUri(registered, requested)).toBe(false);
  });

  it("lets a request differ from the registration in nothing but a loopback port", () => {
    const registered = "http://127.0.0.1:4000/cb";
    fc.assert(
      fc.property(
        fc.string({ maxLength: 12 }),
        fc.nat({ max: 30 }),
        fc.nat({ max: 4 }),
        (insert, at, cut) => {
          const changed = registered.slice(0, at) + insert + registered.slice(at + cut);
          if (!matchesRedirectUri(registered, changed)) return;
          expect(changed).toMatch(/^http:\/\/127\.0\.0\.1(:[1-9]?\d+)?\/cb$/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("knows which redirects stay on the person's machine", () => {
    expect(isNativeUri("http://localhost/cb")).toBe(true);
    expect(isNativeUri("cursor://x/cb")).toBe(true);
    expect(isNativeUri("https://localhost/cb")).toBe(false);
  });
});
