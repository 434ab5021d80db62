/**
 * A right that is used for longer than one answer: a stream must not outlive the token it was opened with, nor the rules that
 * let its person in.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { GatewayEvent } from "../../events.ts";
import { isStillAdmitted } from "../admission.ts";
import type { ServerContext } from "../context.ts";

export interface LastingRight {
  /** Aborted when the right is gone. */
  readonly signal: AbortSignal;
  /** Nobody needs it any more. */
  release(): void;
}

/** @param auth as it was verified for this very request */
export function holdRight(
  context: Pick<ServerContext, "clock" | "config" | "events" | "resources">,
  auth: AuthInfo,
): LastingRight {
  const { clock, events } = context;
  const gone = new AbortController();
  const cancel = clock.after(auth.expiresAt - clock.now(), () => gone.abort());
  const unsubscribe = events.subscribe((event) => {
    if (ends(event)) gone.abort();
  });

  function ends(event: GatewayEvent): boolean {
    switch (event.type) {
      case "grant.ended":
        return event.grantId === auth.grantId;
      case "client.revoked":
        return event.clientId === auth.clientId;
      case "token.revoked":
        return event.tokenId === auth.tokenId;
      case "config.reloaded":
        return !isStillAdmitted(context, auth, auth.identity ?? { subject: auth.subject });
      case "key.removed":
        return event.isEmergency;
      // What was said meanwhile is lost; whoever still has the right comes again.
      case "store.recovered":
        return true;
      default:
        return false;
    }
  }

  return {
    signal: gone.signal,
    release() {
      cancel();
      unsubscribe();
    },
  };
}
