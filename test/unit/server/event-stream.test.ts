/**
 * The event stream of the control API over a real socket: who comes back hears what it missed, or how much.
 */
import { once, setMaxListeners } from "node:events";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ControlEvent } from "../../../src/control.ts";
import { createEventStreams } from "../../../src/server/control/event-stream.ts";
import { createControlHarness, type ControlHarness } from "../../support/control-harness.ts";

let harness: ControlHarness;
let stop: AbortController;
beforeEach(async () => {
  harness = await createControlHarness();
  stop = new AbortController();
  await harness.start();
});
afterEach(async () => {
  stop.abort();
  await harness.close();
});

function happen(count: number): void {
  for (let at = 0; at < count; at++) {
    harness.context.events.publish({ type: "store.recovered", at });
  }
}

/** The first `count` events of a stream. */
async function hear(count: number, after?: string): Promise<ControlEvent[]> {
  const heard: ControlEvent[] = [];
  for await (const event of harness.control.events(stop.signal, after)) {
    if (heard.push(event) === count) break;
  }
  return heard;
}

const idOf = (event: ControlEvent | undefined): string => (event as { id: string }).id;

describe("the event stream of the control API", () => {
  it("begins with what is remembered, when asked to", async () => {
    happen(3);
    expect((await hear(3, "")).map(({ at }) => at)).toEqual([0, 1, 2]);
  });

  it("calls nothing missed for a reader who only begins", async () => {
    happen(2000);
    expect((await hear(1, "")).map(({ at }) => at)).toEqual([2000 - 1024]);
  });

  it("goes on after the event a reader names", async () => {
    happen(5);
    const [, second] = await hear(5, "");
    expect((await hear(3, idOf(second))).map(({ at }) => at)).toEqual([2, 3, 4]);
  });

  it("says how many are gone when the reader was away for too long", async () => {
    happen(1);
    const [first] = await hear(1, "");
    happen(2000);
    const [dropped, next] = await hear(2, idOf(first));
    expect(dropped).toMatchObject({ type: "events.dropped", events: 2000 - 1024 });
    expect(next).toMatchObject({ at: 2000 - 1024 });
  });

  it("begins at its start for a reader who knew the gateway before it", async () => {
    happen(2);
    const [, second] = await hear(2, "");
    await harness.stop();
    await harness.start();
    happen(1);
    const [again] = await hear(1, idOf(second));
    expect(again).toMatchObject({ at: 0 });
    expect(idOf(again)).not.toBe(idOf(second));
  });

  it.each(["nonsense", ".", "a.-1", "a.1e9", "%00", "x".repeat(2000)])(
    "takes the id %j for one it does not know",
    async (id) => {
      happen(1);
      expect(await hear(1, id)).toMatchObject([{ at: 0 }]);
    },
  );

  it("shows that it lives while nothing happens", async () => {
    const outgoing = request({ socketPath: harness.socketPath, path: "/events", agent: false });
    const [response] = (await once(outgoing.end(), "response")) as [IncomingMessage];
    harness.context.clock.advance(15);
    const [beat] = (await once(response, "data")) as [Buffer];
    expect(beat.toString()).toBe("\n");
    response.destroy();
  });

  it("tells a listener too many what is the matter", async () => {
    setMaxListeners(32, stop.signal);
    const streams = Array.from({ length: 16 }, () =>
      harness.control.events(stop.signal, "")[Symbol.asyncIterator](),
    );
    happen(1);
    await Promise.all(streams.map((stream) => stream.next()));
    await expect(hear(1)).rejects.toThrow("16 programs are listening already");
    for (const stream of streams) await stream.return?.();
  });

  it("lets nobody in any more once it is closed", () => {
    const { events, clock } = harness.context;
    const streams = createEventStreams({ events, clock });
    streams.close();
    expect(() => streams.open({} as ServerResponse, null)).toThrow("The gateway is stopping");
  });
});
