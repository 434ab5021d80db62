/**
 * The remote door over a real socket, in front of a check of tokens that takes its time, as with a store elsewhere.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createAdminDoor } from "../../../../src/server/resource/admin.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

let context: TestContext;
beforeEach(async () => {
  context = await createServerContext({ identity: { admins: ["local:me"] } });
});
afterEach(() => context.close());

it("holds nothing for a reader who is gone before the token is checked", async () => {
  let answers = 0;
  const door = createAdminDoor(
    context,
    { answer: async () => void (answers += 1), endStreams: () => undefined },
    async (_, response, resource) => {
      await once(response, "close");
      return {
        clientId: "c",
        scopes: [resource.requiredScope],
        expiresAt: Number.MAX_SAFE_INTEGER,
        resource: resource.uri,
        subject: "local:me",
        grantId: "g",
        tokenId: "t",
      };
    },
  );
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET /admin/events HTTP/1.1\r\nHost: gw.example.com\r\n\r\n");
  const [request, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  socket.destroy();
  expect(await door(request, response, "/admin/events")).toBe(true);
  expect(answers).toBe(0);
  server.close();
});
