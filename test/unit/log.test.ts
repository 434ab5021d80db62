import * as fc from "fast-check";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLog, redact, type LogLevel } from "../../src/log.ts";

async function logged(
  write: (log: Awaited<ReturnType<typeof createLog>>) => void,
  level: LogLevel = "info",
) {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  write(await createLog({ level, pretty: false, destination }));
  return lines.join("");
}

const base64url = (minLength: number) =>
  fc.string({
    unit: fc.constantFrom(
      ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split(""),
    ),
    minLength,
    maxLength: 60,
  });
const secret = base64url(43);
const place = fc.constantFrom(
  (token: string) => ({ err: new Error(`upstream said Bearer ${token}`) }),
  (token: string) => ({ url: `/callback?code=${token}&state=${token}` }),
  (token: string) => ({ req: { headers: { authorization: `Bearer ${token}` } } }),
  (token: string) => ({ headers: { cookie: `session=${token}`, "set-cookie": [token] } }),
  (token: string) => ({
    body: { client_secret: token, refresh_token: token, code_verifier: token },
  }),
  (token: string) => ({ access_token: token, clientSecret: token, password: token }),
  (token: string) => ({ text: `grant_type=refresh_token&refresh_token=${token}` }),
  (token: string) => ({ stderr: `Authorization: Basic ${token}` }),
);

describe("the log", () => {
  it("never shows a secret, wherever it stands", async () => {
    await fc.assert(
      fc.asyncProperty(secret, place, async (token, put) => {
        const text = await logged((log) => log.info(put(token), "something happened"));
        expect(text).not.toContain(token);
        expect(text).toContain("something happened");
      }),
    );
  });

  it("never shows a JSON Web Token, wherever it stands", async () => {
    const jwt = fc
      .tuple(base64url(20), base64url(20), base64url(43))
      .map(([header, claims, signature]) => `eyJ${header}.${claims}.${signature}`);
    await fc.assert(
      fc.asyncProperty(jwt, async (token) => {
        const text = await logged((log) => {
          log.info({ deep: { er: { still: [token] } } }, `said ${token}`);
        });
        expect(text).not.toContain(token);
        expect(text).not.toContain(token.split(".")[2]);
      }),
    );
  });

  it("writes one line of JSON for each entry and nothing below its level", async () => {
    const text = await logged((log) => {
      log.debug("quiet");
      log.warn({ service: "files" }, "loud\nand clear");
    });
    expect(text.split("\n")).toHaveLength(2);
    expect(JSON.parse(text)).toMatchObject({ level: 40, service: "files", msg: "loud\nand clear" });
  });

  it("stays valid JSON when it redacts", async () => {
    const text = await logged((log) => log.info({ url: '/x?code=abc"def', next: "kept" }, "m"));
    expect(JSON.parse(text)).toMatchObject({ next: "kept", msg: "m" });
  });
});

describe("redact", () => {
  it("leaves ordinary text alone", () => {
    const text = "GET /files/mcp 200 in 12 ms for client s6BhdRkqt3, status code 200";
    expect(redact(text)).toBe(text);
  });
});
