import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createVerify } from "../../../../src/server/resource/verify.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

let context: TestContext;
let server: Server;
let identity: { name: string; email: string };

beforeAll(async () => {
  context = await createServerContext();
  const verify = createVerify(context, async () => ({
    clientId: "c",
    scopes: ["mcp"],
    expiresAt: Number.MAX_SAFE_INTEGER,
    resource: "https://gw.example.com/files/mcp",
    subject: "local:me",
    grantId: "g",
    tokenId: "t",
    ...identity,
  }));
  server = createServer((request, response) => void verify(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.close();
  await context.close();
});

async function verdict(name: string): Promise<Response> {
  identity = { name, email: name };
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}/verify`, {
    headers: {
      "x-forwarded-method": "POST",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "gw.example.com",
      "x-forwarded-uri": "/files/mcp",
    },
  });
}

it("leaves an endless name out, which a proxy would stumble over (FA-17)", async () => {
  const response = await verdict("日".repeat(8192));
  expect(response.status).toBe(200);
  expect(response.headers.get("x-auth-subject")).toBe("local:me");
  expect(response.headers.has("x-auth-name")).toBe(false);
  expect(response.headers.has("x-auth-email")).toBe(false);
});

it.each([
  "a\r\nX-Auth-Subject: local:root",
  "a\nb",
  "Zoë",
  "日本",
  "\u0000",
  "\ud800",
  "100%",
  "n".repeat(320),
])("tells a proxy any name without adding a header, %# (FA-17)", async (name) => {
  const response = await verdict(name);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-auth-subject")).toBe("local:me");
  const told = response.headers.get("x-auth-name") ?? "";
  expect(told).toMatch(/^[\x20-\x7e]*$/);
  expect(decodeURIComponent(told)).toBe(name.toWellFormed());
});
