/**
 * The second listening way: what the other files here say of a gateway reached directly, of one behind a reverse proxy too.
 * Files that speak to the port itself (slow bytes, broken lines, child processes) have only the first.
 */
import { describe, vi } from "vitest";
import type * as Gateway from "../support/gateway.ts";

vi.mock("../support/gateway.ts", async (original) => {
  const real = await original<typeof Gateway>();
  const { behindProxy } = await import("../support/behind-proxy.ts");
  return { ...real, startGateway: behindProxy(real.startGateway) };
});

/** Registers the tests of a file within this one. */
const again = (name: string, load: () => Promise<unknown>): unknown =>
  describe(`${name}, behind a proxy`, async () => {
    await load();
  });

again("rfc6749.authorization", () => import("./rfc6749.authorization.test.ts"));
again("rfc6749.token", () => import("./rfc6749.token.test.ts"));
again("refresh-rotation", () => import("./refresh-rotation.test.ts"));
again("rfc6750", () => import("./rfc6750.test.ts"));
again("rfc7009", () => import("./rfc7009.test.ts"));
again("rfc7591", () => import("./rfc7591.test.ts"));
again("rfc7636", () => import("./rfc7636.test.ts"));
again("rfc8414", () => import("./rfc8414.test.ts"));
again("rfc8707", () => import("./rfc8707.test.ts"));
again("rfc9068", () => import("./rfc9068.test.ts"));
again("rfc9207", () => import("./rfc9207.test.ts"));
again("rfc9728", () => import("./rfc9728.test.ts"));
again("forward-auth", () => import("./forward-auth.test.ts"));
again("authorization-attacks", () => import("./authorization-attacks.test.ts"));
again("consent", () => import("./consent.test.ts"));
again("tokens-over-time", () => import("./tokens-over-time.test.ts"));
again("http-resilience", () => import("./http-resilience.test.ts"));
