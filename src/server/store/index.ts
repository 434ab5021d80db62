/**
 * Stores by the name in the configuration. To add one: its file, a line here, a variant in config.ts; the contract suite
 * does the rest.
 */
import type { StoreConfig } from "../../config.ts";
import { openLowdbStore } from "./lowdb.ts";
import type { StoreContext } from "./store-context.ts";
import type { Store } from "./store.ts";

type Stores = {
  [T in StoreConfig["type"]]: (
    config: Extract<StoreConfig, { type: T }>,
    context: StoreContext,
  ) => Promise<Store>;
};

const STORES: Stores = {
  lowdb: openLowdbStore,
  // Loaded only when configured: ioredis costs start-up time.
  redis: async (config, context) => (await import("./redis.ts")).openRedisStore(config, context),
};

/** @throws UserError when the store is damaged, in use by another process or out of reach */
export function createStore(config: StoreConfig, context: StoreContext): Promise<Store> {
  const open = STORES[config.type] as (
    config: StoreConfig,
    context: StoreContext,
  ) => Promise<Store>;
  return open(config, context);
}
