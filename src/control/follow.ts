/**
 * Events of a gateway for as long as somebody wants them: after a loss the connection is made again, with growing pauses, and
 * goes on after the last event that was heard.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ControlClient, ControlEvent } from "../control.ts";
import { messageOf } from "../errors.ts";
import { jittered } from "../random.ts";
import type { GatewayStatus } from "./answers.ts";

export type Connection =
  | { state: "live" }
  | {
      state: "lost";
      reason: string;
      /** Seconds until the next try. */
      retryIn: number;
    };

const FIRST_PAUSE = 0.5; // seconds
const LONGEST_PAUSE = 10; // seconds

export async function followGateway(
  control: ControlClient,
  {
    signal,
    from,
    onEvent,
    onConnection,
  }: {
    signal: AbortSignal;
    /** As `ControlClient.events` takes it; from now on without it. */
    from?: string;
    onEvent: (event: ControlEvent) => void;
    onConnection: (connection: Connection, status?: GatewayStatus) => void;
  },
): Promise<void> {
  let after = from;
  let wait = FIRST_PAUSE;
  while (!signal.aborted) {
    let reason = "the gateway has closed the connection";
    try {
      onConnection({ state: "live" }, await control.status());
      wait = FIRST_PAUSE;
      for await (const event of control.events(signal, after)) {
        if ("id" in event) after = event.id;
        onEvent(event);
      }
    } catch (error) {
      reason = messageOf(error);
    }
    if (signal.aborted) return;
    const retryIn = jittered(wait);
    wait = Math.min(LONGEST_PAUSE, wait * 2);
    onConnection({ state: "lost", reason, retryIn });
    await pause(retryIn * 1000, undefined, { signal }).catch(() => undefined);
    // What happens while nobody listens is wanted from the first loss on.
    after ??= "";
  }
}
