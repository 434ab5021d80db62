/**
 * What endpoints of the server rely on, with the real store in a folder of its own and a clock that only the test moves.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeConfig } from "../../src/config-file.ts";
import type { ConfigInput } from "../../src/config.ts";
import { createEventBus, type GatewayEvent } from "../../src/events.ts";
import { createLog } from "../../src/log.ts";
import type { ServerContext } from "../../src/server/context.ts";
import { credentialSeal } from "../../src/server/credential-seal.ts";
import { createCredentials } from "../../src/server/credentials.ts";
import { createAttempts } from "../../src/server/autopsy/attempts.ts";
import { createGuardedFetch } from "../../src/server/guarded-fetch.ts";
import { createResources } from "../../src/server/resources.ts";
import { createSigningKeys } from "../../src/server/signing-keys.ts";
import { createStore } from "../../src/server/store/index.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";

export interface TestContext extends ServerContext {
  clock: FakeClock;
  /** Everything that happened so far. */
  happened: GatewayEvent[];
  /** The same folder, opened again: only what was on disk is there. */
  reopen(): Promise<TestContext>;
  close(): Promise<void>;
}

export async function createServerContext(
  config: Partial<ConfigInput> = {},
  existing?: { directory: string; clock: FakeClock },
): Promise<TestContext> {
  const directory = existing?.directory ?? mkdtempSync(join(tmpdir(), "mcpg-context-"));
  const clock = existing?.clock ?? createFakeClock();
  const log = await createLog({ level: "silent", pretty: false });
  const effective = makeConfig({
    publicUrl: "https://gw.example.com",
    services: { files: { command: "true" } },
    ...config,
    store: { type: "lowdb", path: directory },
  });
  const store = await createStore(effective.store, { clock, log });
  const happened: GatewayEvent[] = [];
  const events = createEventBus((error) => {
    throw error;
  });
  events.subscribe((event) => happened.push(event));
  const issuer = effective.publicUrl;
  const seal = credentialSeal(effective);
  return {
    config: effective,
    issuer,
    credentials: createCredentials({ store, clock, events, seal, issuer }),
    clock,
    events,
    attempts: createAttempts({ clock, config: effective, events }),
    log,
    store,
    keys: await createSigningKeys({ store, clock, config: effective, events, log }),
    resources: createResources(effective),
    guardedFetch: createGuardedFetch({ clock, mayLoopback: false }),
    remoteKeys: { ofClients: async () => [], ofIssuers: async () => [] },
    identityProviders: new Map(),
    happened,
    async reopen() {
      await store.close();
      return createServerContext(config, { directory, clock });
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
