import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventParser, type StreamEvent } from "../../../src/mcp/event-parser.ts";

interface Read {
  events: StreamEvent[];
  retries: number[];
  overflows: number;
}

function read(chunks: (string | Buffer)[], limit = 1000): Read {
  const seen: Read = { events: [], retries: [], overflows: 0 };
  const parser = new EventParser(limit, {
    onEvent: (event) => seen.events.push(event),
    onRetry: (milliseconds) => seen.retries.push(milliseconds),
    onOverflow: () => (seen.overflows += 1),
  });
  for (const chunk of chunks) parser.push(Buffer.from(chunk as string));
  return seen;
}

const message = (data: string, id?: string) => ({ type: "message", data, id });

describe("an event stream (WHATWG HTML 9.2.6)", () => {
  it("is events that end with an empty line", () => {
    expect(read(["data: a\n\ndata:b\n\ndata: c"]).events).toEqual([message("a"), message("b")]);
  });

  it("has lines that end in LF, CR or both", () => {
    const expected = [message("a\nb"), message("c")];
    for (const end of ["\n", "\r", "\r\n"]) {
      const text = ["data: a", "data: b", "", "data: c", "", ""].join(end);
      expect(read([text]).events).toEqual(expected);
    }
    expect(read(["data: a\r", "\ndata: b\r", "\n\r", "\ndata: c\n\r\n"]).events).toEqual(expected);
  });

  it("has types, ids that last, and comments", () => {
    const text =
      "event: endpoint\ndata: /x\n\n: ping\n\nid: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n";
    expect(read([text]).events).toEqual([
      { type: "endpoint", data: "/x", id: undefined },
      message("a", "7"),
      message("b", "7"),
      message("c", ""),
    ]);
  });

  it("has priming events: an id without data", () => {
    expect(read(["id: 1\ndata:\n\n", "id: 2\n\n", "event: x\n\n"]).events).toEqual([
      message("", "1"),
      message("", "2"),
    ]);
  });

  it("says how long to wait before the next attempt, in digits only", () => {
    expect(read(["retry: 300\nretry: soon\nretry: -1\nretry: 1e3\n\n"]).retries).toEqual([300]);
  });

  it("takes no id with a NUL, strips one byte order mark and one blank", () => {
    expect(read(["\ufeffdata:  a\nid: x\0y\n\n"]).events).toEqual([message(" a")]);
  });

  it("ignores fields it does not know", () => {
    expect(read(["foo: bar\nfoo\ndata: a\n\n"]).events).toEqual([message("a")]);
  });

  it("is the same wherever it is cut", () => {
    const part = fc.constantFrom(
      "data: ü🙂",
      "data",
      "id: 1",
      "event: e",
      ": c",
      "",
      "retry: 5",
      "x",
    );
    const ending = fc.constantFrom("\n", "\r", "\r\n");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(part, ending), { maxLength: 20 }),
        fc.array(fc.nat(200), { maxLength: 10 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.flat().join(""));
          const places = [0, ...cuts.filter((cut) => cut < bytes.length), bytes.length];
          places.sort((a, b) => a - b);
          const chunks = places.slice(1).map((to, at) => bytes.subarray(places[at], to));
          expect(read(chunks)).toEqual(read([bytes]));
        },
      ),
    );
  });
});

describe("the bound of an event", () => {
  it("holds for one line, for many, and for one that never ends", () => {
    expect(read([`data: ${"a".repeat(1100)}\n\n`])).toMatchObject({ events: [], overflows: 1 });
    expect(read([`data: ${"a".repeat(400)}\n`.repeat(3)])).toMatchObject({ overflows: 1 });
    expect(read(["a".repeat(600), "a".repeat(600)])).toMatchObject({ overflows: 1 });
  });

  it("is not for the whole stream, nor for comments", () => {
    const many = Array.from({ length: 50 }, () => `data: ${"a".repeat(500)}\n\n`);
    expect(read(many)).toMatchObject({ overflows: 0 });
    expect(read(Array.from({ length: 500 }, () => ": ping\n"))).toMatchObject({ overflows: 0 });
  });

  it("is told once, and nothing afterwards", () => {
    const seen = read(["a".repeat(2000), "data: b\n\n", "a".repeat(2000)]);
    expect(seen).toEqual({ events: [], retries: [], overflows: 1 });
  });
});
