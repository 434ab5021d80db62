/**
 * Every gateway that a conformance test starts in its own process is searched for secrets when it is closed
 * (support/drawn-secrets.ts). Here is shown that the search can find something.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { randomToken } from "../../src/random.ts";
import { startGateway } from "../support/gateway.ts";
import { obtainTokens, registered } from "../support/raw-client.ts";

it("finds a secret that was drawn in an event", async () => {
  const gateway = await startGateway();
  const reason = `x ${randomToken()} y`;
  gateway.events.push({ type: "gateway.stopping", at: 0, reason });
  await expect(gateway.close()).rejects.toThrow("a secret stands in the events");
});

it("finds a refresh token in a file, and an access token in any", async () => {
  for (const member of ["refresh_token", "access_token"] as const) {
    const gateway = await startGateway();
    const tokens = await obtainTokens(gateway, await registered(gateway));
    writeFileSync(join(gateway.stateDirectory, "note.txt"), `it is ${tokens[member]}`);
    await expect(gateway.close()).rejects.toThrow(/a (secret|token) stands in .*note\.txt/);
  }
});
