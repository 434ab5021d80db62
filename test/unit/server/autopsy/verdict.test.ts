/** The table of verdicts, rule by rule: the shortest trace to which each applies. */
import { describe, expect, it } from "vitest";
import type { AttemptStep } from "../../../../src/control/attempts.ts";
import { judge, rules } from "../../../../src/server/autopsy/verdict.ts";

const resource = "https://gw.example.com/files/mcp";
type Short = Partial<AttemptStep> & Pick<AttemptStep, "what">;

const unauthorized: Short = { what: "mcp.unauthorized", status: 401, resource };
const found: Short = { what: "metadata.resource", resource };
const server: Short = { what: "metadata.server" };
const registered: Short = { what: "registration", clientId: "c1" };
const begun: Short = { what: "login.begun", detail: "github" };
const code: Short = { what: "code.issued", detail: "http://127.0.0.1:5000/cb" };
const token: Short = { what: "token.issued", resource };
const called: Short = { what: "call.first", resource };
const no = (what: AttemptStep["what"], error: string, detail: string): Short => ({
  what,
  status: 400,
  error,
  detail,
});

/** Verdict, the trace, and seconds of silence after it. */
const TABLE: readonly [id: string, steps: readonly Short[], quiet?: number][] = [
  [
    "rate-limited",
    [{ ...no("registration", "temporarily_unavailable", "more registrations"), status: 429 }],
  ],
  ["refresh-reused", [no("token.refused", "invalid_grant", "refresh token reused")]],
  ["refresh-refused", [no("token.refused", "invalid_grant", "refresh token expired")]],
  ["code-verifier", [code, no("token.refused", "invalid_grant", "code wrong code_verifier")]],
  ["code-redirect-uri", [code, no("token.refused", "invalid_grant", "code other redirect_uri")]],
  ["code-reused", [token, no("token.refused", "invalid_grant", "code used before")]],
  ["code-refused", [code, no("token.refused", "invalid_grant", "code expired")]],
  [
    "client-authentication",
    [code, no("token.refused", "invalid_client", "wrong secret or method none")],
  ],
  ["token-refused", [code, no("token.refused", "invalid_request", "grant_type is required")]],
  [
    "call-other-resource",
    [token, no("call.refused", "invalid_token", "aud https://gw.example.com/b/mcp")],
  ],
  ["refresh-never-tried", [token, called, no("call.refused", "invalid_token", "expired")], 30],
  ["call-scope", [token, called, no("call.refused", "insufficient_scope", "this needs")], 30],
  ["call-refused", [token, called, no("call.refused", "invalid_token", "revoked")]],
  ["succeeded", [token, called]],
  ["call-without-token", [token, { ...unauthorized, possibly: true }], 30],
  ["call-wrong-path", [token, { what: "path.unknown", request: "POST /mcp/files" }], 30],
  ["token-unused", [code, token], 30],
  ["code-never-redeemed", [code], 30],
  ["device-never-came", [{ what: "consent.given" }], 30],
  ["registration-off", [no("registration", "access_denied", "The operator registers")]],
  [
    "registration-redirect-uri",
    [no("registration", "invalid_redirect_uri", "x://y: The URI is nothing")],
  ],
  ["registration-refused", [no("registration", "invalid_client_metadata", "not JSON")]],
  ["client-document", [no("client.document", "invalid_client", "404")]],
  ["client-unknown", [no("authorize", "invalid_request", "unknown client")]],
  ["redirect-uri-mismatch", [no("authorize", "invalid_request", "redirect_uri x; registered: y")]],
  ["pkce-method", [no("authorize", "invalid_request", "code_challenge_method must be S256")]],
  ["pkce-missing", [no("authorize", "invalid_request", "code_challenge is required")]],
  [
    "resource-unknown",
    [no("authorize", "invalid_target", "resource https://x is not served here")],
  ],
  ["scope-refused", [no("authorize", "invalid_scope", "scope must be a list")]],
  ["authorize-refused", [no("authorize", "unsupported_response_type", "must be code")]],
  [
    "login-provider-failed",
    [begun, { ...no("login.failed", "temporarily_unavailable", "github: 500"), status: 502 }],
  ],
  ["login-denied", [begun, no("login.failed", "access_denied", "The person said no")]],
  [
    "not-allowed",
    [
      begun,
      { what: "login.refused", subject: "github:1", detail: "no rule of identity.allow fits" },
    ],
  ],
  ["consent-denied", [{ what: "consent.denied", subject: "github:1" }]],
  ["consent-never-answered", [{ what: "consent.shown" }], 600],
  ["login-never-finished", [begun], 600],
  ["authorization-never-opened", [server, registered], 120],
  ["host-unknown", [{ what: "host.unknown", dialled: "https://other.example/mcp" }], 30],
  ["plain-http", [{ ...unauthorized, dialled: "http://gw.example.com/files/mcp" }], 30],
  [
    "metadata-wrong-path",
    [
      unauthorized,
      {
        what: "metadata.resource",
        status: 404,
        request: "GET /.well-known/oauth-protected-resource",
      },
    ],
    30,
  ],
  ["resource-mismatch", [{ ...unauthorized, dialled: `${resource}/` }, found], 30],
  ["server-metadata-never-fetched", [unauthorized, found], 30],
  ["registration-never-tried", [unauthorized, found, server], 30],
  ["metadata-never-fetched", [unauthorized], 30],
];

/** One step a second. */
const at = (steps: readonly Short[]): AttemptStep[] =>
  steps.map((step, second) => ({ at: second, ...step }));

describe("the verdict on an attempt", () => {
  it("has a test for every rule", () => {
    expect(TABLE.map(([id]) => id).toSorted()).toEqual(rules.map(({ id }) => id).toSorted());
  });

  it.each(TABLE)("can be %s", (id, steps, quiet = 0) => {
    const trace = at(steps);
    const now = trace.length - 1 + quiet;
    const { verdict, why, fix } = judge(trace, now);
    expect(verdict).toBe(id);
    expect(why).toMatch(/^(?:[A-Z]|github:1 ).*\.$/);
    expect(`${why} ${fix ?? ""}`).not.toContain("undefined");
    if (id !== "succeeded") expect(fix).toMatch(/^[A-Z].{20,}/);
  });

  it.each(TABLE.filter(([, , quiet]) => quiet !== undefined))(
    "is not %s before the time is up",
    (id, steps, quiet = 0) => {
      const trace = at(steps);
      expect(judge(trace, trace.length - 1 + quiet - 1).verdict).not.toBe(id);
    },
  );

  it("says of an attempt that goes on what it waits for", () => {
    for (const [, steps, quiet] of TABLE) {
      if (quiet === undefined || steps.includes(called)) continue;
      const { state, why, fix } = judge(at(steps), steps.length - 1);
      expect(state).toBe("running");
      expect(why).toMatch(/^Waiting for /);
      expect(fix).toBeUndefined();
    }
  });

  it("looks at the last thing that happened: what failed before a success is over", () => {
    const refused = no("registration", "invalid_redirect_uri", "x");
    expect(judge(at([refused, registered, begun, code, token, called]), 6).state).toBe("succeeded");
    const expired = no("call.refused", "invalid_token", "expired");
    const renewed = at([token, called, expired, { what: "token.refreshed" }]);
    expect(judge(renewed, 100).state).toBe("succeeded");
  });
});
