/**
 * How long a client lives that nobody vouched for. Anybody may register, so whatever is registered must also go by itself.
 *
 *   registered --unusedClient--> gone
 *       \--first token--> used --idleClient after the last token--> gone
 *
 * Lifetimes are those of the record in the store: nothing has to run for a client to die, and every replica sees it die in
 * the same instant. A used client outlives every token it was given, so no token is ever left without its client. The time
 * of use is written at most once an hour. Clients an operator registered live until they are revoked.
 */
import { epochSeconds } from "../../clock.ts";
import type { ServerContext } from "../context.ts";
import type { ClientRecord } from "../store/client-records.ts";

/** How exactly the last use is known. */
const PRECISION = 3600; // seconds

/** Each failed attempt means somebody else wrote the record. */
const ATTEMPTS = 5;

/** @returns seconds from now until the client is forgotten; undefined: never */
export function clientLifetime(
  { config }: Pick<ServerContext, "config">,
  client: ClientRecord,
): number | undefined {
  if (client.via !== "registration") return undefined;
  const { unusedClient, idleClient } = config.registration;
  if (client.lastUsedAt === undefined) return unusedClient;
  const { accessToken, refreshToken } = config.tokens;
  return Math.max(idleClient, accessToken, refreshToken) + PRECISION;
}

/** To be called when tokens were issued, before the client hears of them: from then on it counts as used. */
export async function noteClientUse(context: ServerContext, clientId: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const seen = await context.store.get("client", clientId);
    const now = epochSeconds(context.clock);
    if (seen?.via !== "registration") return;
    if (seen.lastUsedAt !== undefined && now - seen.lastUsedAt < PRECISION) return;
    const next = { ...seen, lastUsedAt: now };
    const life = clientLifetime(context, next);
    if (await context.store.replace("client", clientId, seen, next, life)) return;
  }
}
