/**
 * `GET /events` of the control API: one JSON line for each event, each with an id to go on from.
 *
 * The last events stay in a ring, and each reader is a place in it. So one mechanism serves three: a reader who comes back
 * (`?after=<id>`) hears what it missed, a reader who is slow reads on from its place, and whoever the ring has overtaken is
 * told how many events are gone. What happens costs the gateway one array write, whether or not somebody listens.
 */
import type { ServerResponse } from "node:http";
import { epochSeconds, type Clock } from "../../clock.ts";
import type { EventSource, GatewayEvent } from "../../events.ts";
import { randomId } from "../../random.ts";
import { ControlFailure } from "./control-route.ts";

export interface EventStreams {
  /**
   * Answer with what happens from now on, or with what came after the event `after`. The empty id stands for the oldest that
   * is remembered; an id of a gateway that ran before, for the start of this one.
   * @param signal ends it
   * @throws ControlFailure 429 when too many listen already, 503 after `close`
   */
  open(response: ServerResponse, after: string | null, signal?: AbortSignal): void;
  /** Ends every stream. */
  close(): void;
}

const KEPT = 1024; // events
const MOST_STREAMS = 16;
const HEARTBEAT = 15; // seconds between empty lines, so that a dead connection shows at both ends

export function createEventStreams({
  events,
  clock,
}: {
  events: EventSource;
  clock: Clock;
}): EventStreams {
  const run = randomId().slice(0, 8);
  const ring: GatewayEvent[] = [];
  let last = 0; // number of the latest event; the first is 1
  const streams = new Map<ServerResponse, { seen: number }>();
  let cancelHeartbeat: (() => void) | undefined;
  let isClosed = false;

  function send(response: ServerResponse, place: { seen: number }): void {
    while (place.seen < last && !response.writableNeedDrain && !response.writableEnded) {
      const lost = last - KEPT - place.seen;
      if (lost > 0) {
        place.seen += lost;
        response.write(line({ type: "events.dropped", at: epochSeconds(clock), events: lost }));
      }
      place.seen += 1;
      response.write(line({ id: `${run}.${place.seen}`, ...ring[place.seen % KEPT] }));
    }
  }

  function beat(): void {
    for (const response of streams.keys())
      if (!response.writableNeedDrain && !response.writableEnded) response.write("\n");
    cancelHeartbeat = clock.after(HEARTBEAT, beat);
  }

  function placeAfter(id: string | null): number {
    if (id === null) return last;
    if (id === "") return Math.max(0, last - KEPT);
    const dot = id.lastIndexOf(".");
    const number = Number(id.slice(dot + 1));
    return id.slice(0, dot) === run && number >= 0 && number <= last ? Math.floor(number) : 0;
  }

  const unsubscribe = events.subscribe((event) => {
    last += 1;
    ring[last % KEPT] = event;
    for (const [response, place] of streams) send(response, place);
  });

  return {
    open(response, after, signal) {
      // Somebody who came while the door was closing would keep it open for good.
      if (isClosed) throw new ControlFailure(503, "stopping", "The gateway is stopping");
      if (streams.size >= MOST_STREAMS) {
        const message = `${MOST_STREAMS} programs are listening already`;
        throw new ControlFailure(429, "too_many_streams", message);
      }
      const place = { seen: placeAfter(after) };
      streams.set(response, place);
      cancelHeartbeat ??= clock.after(HEARTBEAT, beat);
      response.on("drain", () => send(response, place));
      response.on("close", () => {
        streams.delete(response);
        if (streams.size > 0) return;
        cancelHeartbeat?.();
        cancelHeartbeat = undefined;
      });
      signal?.addEventListener("abort", () => response.end(), { once: true });
      response.writeHead(200, {
        "Content-Type": "application/x-ndjson",
        "Cache-Control": "no-store",
      });
      response.flushHeaders();
      send(response, place);
    },
    close() {
      isClosed = true;
      unsubscribe();
      cancelHeartbeat?.();
      for (const response of streams.keys()) response.end();
    },
  };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
