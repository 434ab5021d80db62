/**
 * Steps of a login one by one, all by the same client, and a look at what the gateway makes of them.
 */
import { connectControl, type ControlClient } from "../../src/control.ts";
import type { Attempt } from "../../src/control/attempts.ts";
import type { TestGateway } from "./gateway.ts";
import { registered, type RawClient } from "./raw-client.ts";
import { callMcp } from "./strict-client.ts";

export interface Autopsy {
  control: ControlClient;
  /** Every attempt with its steps, oldest first. */
  attempts(): Promise<Attempt[]>;
  /** The one attempt there is. */
  only(): Promise<Attempt>;
}

export function openAutopsy(gateway: Pick<TestGateway, "stateDirectory">): Autopsy {
  const control = connectControl(gateway.stateDirectory);
  const attempts = async (): Promise<Attempt[]> => {
    const found = await control.attempts({ limit: 1000 });
    const whole = await Promise.all(found.map(({ id }) => control.attempt(id)));
    return whole.toReversed();
  };
  return {
    control,
    attempts,
    async only() {
      const [attempt, ...rest] = await attempts();
      if (!attempt || rest.length > 0) {
        throw new Error(`not one attempt: ${JSON.stringify([attempt, ...rest], null, 2)}`);
      }
      return attempt;
    },
  };
}

/** A GET of something that belongs to no helper. @returns the status */
export async function look(
  gateway: TestGateway,
  path: string,
  userAgent = "client/1",
): Promise<number> {
  const { origin } = new URL(gateway.url);
  const response = await fetch(`${origin}${path}`, { headers: { "user-agent": userAgent } });
  await response.body?.cancel();
  return response.status;
}

/** From a 401 to a registered client; every request with this user agent. */
export async function comeToTheDoor(
  gateway: TestGateway,
  userAgent = "client/1",
  metadata: Record<string, unknown> = {},
): Promise<RawClient> {
  await knock(gateway, userAgent);
  await readMetadata(gateway, userAgent);
  return registered(gateway, metadata, { "user-agent": userAgent });
}

export async function knock(gateway: TestGateway, userAgent = "client/1"): Promise<void> {
  const response = await callMcp(gateway.resource, undefined, undefined, {
    "user-agent": userAgent,
  });
  if (response.status !== 401) throw new Error(`expected 401, got ${response.status}`);
}

export async function readMetadata(gateway: TestGateway, userAgent = "client/1"): Promise<void> {
  const { origin, pathname } = new URL(gateway.resource);
  for (const path of [
    `/.well-known/oauth-protected-resource${pathname}`,
    "/.well-known/oauth-authorization-server",
  ]) {
    const response = await fetch(`${origin}${path}`, { headers: { "user-agent": userAgent } });
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  }
}
