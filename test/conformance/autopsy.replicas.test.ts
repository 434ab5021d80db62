/**
 * A login whose requests go to two replicas by turns: each of them shows the whole of it, as one.
 */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { comeToTheDoor, openAutopsy } from "../support/autopsy.ts";
import { obtainCode, requestToken, tokensOf } from "../support/raw-client.ts";
import { startReplicas, type Replicas } from "../support/replicas.ts";
import { callMcp } from "../support/strict-client.ts";

let replicas: Replicas;
beforeAll(async () => {
  replicas = await startReplicas(2);
}, 60_000);
afterAll(() => replicas?.close());

it("is one trace at every replica", async () => {
  const { gateway } = replicas;
  const client = await comeToTheDoor(gateway, "traveller/1");
  const { form } = await obtainCode(gateway, client);
  const { access_token } = await tokensOf(await requestToken(gateway, form));
  expect((await callMcp(gateway.resource, access_token)).status).toBe(200);
  for (const replica of replicas.all) {
    await vi.waitFor(
      async () => {
        const attempts = await openAutopsy(replica).attempts();
        expect(attempts.map(({ verdict }) => verdict)).toEqual(["succeeded"]);
        expect(new Set(attempts[0]!.steps.map(({ what }) => what)).size).toBe(12);
      },
      { timeout: 20_000, interval: 200 },
    );
  }
});
