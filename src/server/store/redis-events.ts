/**
 * Events between replicas, over Redis' pub/sub: what one of them publishes, all others hear, marked with the replica it
 * comes from. Security does not hang on it, every request asks the store; it ends what is already open, at once.
 *
 * Pub/sub forgets whoever is not listening. So `store.recovered` is published after each gap, here when we could not hear
 * and to all others when we could not speak, and whoever acts on events looks at the store for what it may have missed.
 */
import { epochSeconds } from "../../clock.ts";
import type { EventBus, GatewayEvent } from "../../events.ts";
import { randomId } from "../../random.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { StoreContext } from "./store-context.ts";

const RETRY_INTERVAL = 1; // second
const PING_INTERVAL = 10; // seconds

export function relayEvents(
  redis: RedisConnection,
  channel: string,
  { clock, events }: StoreContext & { events: EventBus },
): { close(): void } {
  const replica = randomId();
  let hasListened = false;
  let cancelRetry: (() => void) | undefined;

  const recovered = (): GatewayEvent => ({ type: "store.recovered", at: epochSeconds(clock) });

  function tell(event: GatewayEvent): void {
    redis.call("PUBLISH", channel, JSON.stringify({ ...event, replica })).catch(() => {
      cancelRetry ??= clock.after(RETRY_INTERVAL, () => {
        cancelRetry = undefined;
        tell(recovered());
      });
    });
  }

  const unsubscribe = events.subscribe((event) => {
    // What came from elsewhere goes no further, and what is about this process alone stays here.
    if (event.replica === undefined && event.type !== "store.recovered") tell(event);
  });
  const subscription = redis.subscribe(channel, {
    onMessage(message) {
      const event = JSON.parse(message) as GatewayEvent;
      if (event.replica !== replica) events.publish(event);
    },
    onSubscribed() {
      if (hasListened) events.publish(recovered());
      hasListened = true;
    },
  });
  let cancelPing = pingLater();
  function pingLater(): () => void {
    return clock.after(PING_INTERVAL, () => {
      subscription.ping();
      cancelPing = pingLater();
    });
  }
  return {
    close() {
      cancelPing();
      unsubscribe();
      cancelRetry?.();
      subscription.close();
    },
  };
}
