/** What a stranger sees when the machine behind the gateway fails: RFC 6749 §5.2 and §4.1.2.1, and nothing of the inside. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { Writable } from "node:stream";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../src/log.ts";
import { registerRoutes } from "../../src/server/routes.ts";
import type { Store } from "../../src/server/store/store.ts";
import { errorOf, pageOf } from "../support/raw-client.ts";
import { createServerContext, type TestContext } from "../support/server-context.ts";

let context: TestContext;
let server: Server;
let url: string;
let logged = "";

beforeAll(async () => {
  context = await createServerContext();
  const store: Store = {
    ...context.store,
    get: () => Promise.reject(new Error("disk /var/lib/secret-place is gone")),
    put: () => Promise.reject(new Error("disk /var/lib/secret-place is full")),
  };
  const destination = new Writable({
    write(chunk, _, done) {
      logged += String(chunk);
      done();
    },
  });
  const log = await createLog({ level: "info", pretty: false, destination });
  const app = express();
  registerRoutes(app, { ...context, store, log });
  server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(async () => {
  server.close();
  await context.close();
});

describe("a failing store", () => {
  it("is a server_error to a program, with a number that the log explains (ST-22)", async () => {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "x",
      refresh_token: "r",
    });
    const response = await fetch(`${url}/token`, { method: "POST", body: form });
    const copy = await response.clone().json();
    expect(await errorOf(response)).toBe("500 server_error");
    expect(JSON.stringify(copy)).not.toContain("secret-place");
    const [, id = "none"] = /Request (\S+) failed/.exec(JSON.stringify(copy)) ?? [];
    expect(logged).toContain(id);
    expect(logged).toContain("secret-place");
  });

  it("is one to a registration, too", async () => {
    const response = await fetch(`${url}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ redirect_uris: ["https://a.example/cb"] }),
    });
    expect(await errorOf(response)).toBe("500 server_error");
  });

  it("is a page to a person, and leads nowhere", async () => {
    const response = await fetch(`${url}/authorize?client_id=x`, { redirect: "manual" });
    const copy = await response.clone().text();
    expect(await pageOf(response)).toBe(500);
    expect(copy).not.toContain("secret-place");
  });
});
