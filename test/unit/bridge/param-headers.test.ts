/** M07, M08: headers of a tool call against its arguments, and where the knowledge about them comes from. */
import { beforeEach, describe, expect, it } from "vitest";
import { parseJson } from "../../../src/mcp/exact-json.ts";
import { ParamHeaders } from "../../../src/bridge/param-headers.ts";
import { createMovableClock, type MovableClock } from "../../support/movable-clock.ts";

const property = (type: string, name: string) => ({ type, "x-mcp-header": name });
const tool = (name: string, properties: object) => ({ name, inputSchema: { properties } });
const TOOLS = [
  tool("plain", { region: { type: "string" } }),
  tool("regional", {
    region: property("string", "Region"),
    count: property("integer", "Count"),
    dry: property("boolean", "Dry"),
    deep: { type: "object", properties: { id: property("string", "Deep-Id") } },
  }),
];

let clock: MovableClock;
let asked: unknown[];
let pages: (object | Error | "silence")[];
let headers: ParamHeaders;
beforeEach(() => {
  clock = createMovableClock();
  asked = [];
  pages = [{ tools: TOOLS }];
  headers = new ParamHeaders(({ params }) => {
    const page = pages[asked.length] ?? pages.at(-1)!;
    const { _meta, ...rest } = params!;
    expect(_meta).toHaveProperty(["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    asked.push(rest);
    if (page === "silence") return new Promise(() => undefined);
    if (page instanceof Error) return Promise.reject(page);
    return Promise.resolve({ jsonrpc: "2.0", id: "x", result: page });
  }, clock);
});

const check = (
  given: object | undefined,
  sent: Record<string, string>,
  name = "regional",
): Promise<string> =>
  headers
    .check(
      { headers: sent, rawHeaders: Object.entries(sent).flat() },
      { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: given } },
    )
    .then(
      () => "fine",
      ({ status, code, message }: { status: number; code: number; message: string }) =>
        `${status} ${code} ${message}`,
    );

const region = (value: string) => ({ "mcp-param-region": value });
const encoded = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;

describe("a call's headers", () => {
  it.each([
    [{ region: "eu" }, region("eu")],
    [{ region: "eu" }, region(" \teu ")],
    [{ region: "Zürich 🦊" }, region(encoded("Zürich 🦊"))],
    [{ region: " eu " }, region(encoded(" eu "))],
    [{ region: "" }, region("")],
    [{ region: "a, b" }, region("a, b")],
    [{ region: "SGVsbG8=" }, region("SGVsbG8=")],
    [{ region: "=?base64?SGVsbG8=" }, region("=?base64?SGVsbG8=")],
    [{ region: "SGVsbG8=?=" }, region("SGVsbG8=?=")],
    [{ region: "=?base64?=" }, region("=?base64?=")],
    [{ region: "=?BASE64?SGVsbG8=?=" }, region("=?BASE64?SGVsbG8=?=")],
    [{ region: null }, {}],
    [{}, { "mcp-param-unknown": "x" }],
    [{ count: 42 }, { "mcp-param-count": "42" }],
    [{ count: 42 }, { "mcp-param-count": "42.0" }],
    [{ count: -7 }, { "mcp-param-count": encoded("-7") }],
    [{ dry: false }, { "mcp-param-dry": "false" }],
    [{ deep: { id: "x" } }, { "mcp-param-deep-id": "x" }],
    [{ deep: 7 }, {}],
    [{ region: ["no text"] }, {}],
  ])("agree: %j and %j", async (given, sent) => {
    expect(await check(given, sent)).toBe("fine");
  });

  it.each([
    [{ region: "eu" }, {}, "Mcp-Param-region is missing"],
    [{ region: "eu" }, region("us"), "Mcp-Param-region does not agree with the body"],
    [{ region: "eu" }, region("EU"), "Mcp-Param-region does not agree with the body"],
    [{ region: "eu" }, region(encoded("us")), "Mcp-Param-region does not agree with the body"],
    [
      { region: "Hello" },
      region("=?base64?SGVsbG8?="),
      "Mcp-Param-region does not agree with the body",
    ],
    [
      { region: "Hello" },
      region("=?base64?SGVs!!!bG8=?="),
      "Mcp-Param-region does not agree with the body",
    ],
    [{ region: "é" }, region("é"), "Mcp-Param-region does not agree with the body"],
    [{ region: null }, region("eu"), "Mcp-Param-region does not agree with the body"],
    [{}, region("eu"), "Mcp-Param-region does not agree with the body"],
    [undefined, region(""), "Mcp-Param-region does not agree with the body"],
    [{ count: 42 }, { "mcp-param-count": "43" }, "Mcp-Param-count does not agree with the body"],
    [{ count: 42 }, { "mcp-param-count": "0x2a" }, "Mcp-Param-count does not agree with the body"],
    [{ count: 42 }, { "mcp-param-count": "" }, "Mcp-Param-count does not agree with the body"],
    [{ dry: true }, { "mcp-param-dry": "True" }, "Mcp-Param-dry does not agree with the body"],
    [{ deep: { id: "x" } }, {}, "Mcp-Param-deep-id is missing"],
    [{ region: {} }, region("[object Object]"), "Mcp-Param-region does not agree with the body"],
  ])("disagree: %j and %j", async (given, sent, reason) => {
    expect(await check(given, sent)).toBe(`400 -32020 ${reason}`);
  });

  it("of numbers that JavaScript cannot hold may be missing, and agree to the last digit", async () => {
    const given = parseJson('{"count":9007199254740993}') as object;
    expect(await check(given, {})).toBe("fine");
    expect(await check(given, { "mcp-param-count": "9007199254740993" })).toBe("fine");
    expect(await check(given, { "mcp-param-count": "9007199254740992" })).toContain("-32020");
  });

  it("disagree when one is sent twice, for each reader may take another", async () => {
    const head = {
      headers: region("a, b"),
      rawHeaders: ["Mcp-Param-Region", "a", "mcp-param-region", "b"],
    };
    const params = { name: "regional", arguments: { region: "a, b" } };
    const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params } as const;
    await expect(headers.check(head, request)).rejects.toMatchObject({ code: -32020 });
  });

  it.each(["plain", "no such tool", "__proto__"])(
    "are nobody's business for the tool %s (M08)",
    async (name) => {
      expect(await check({ region: "eu" }, region("us"), name)).toBe("fine");
    },
  );
});

describe("what is known of the tools", () => {
  it("is asked for once, all pages of it", async () => {
    pages = [{ tools: TOOLS.slice(0, 1), nextCursor: "2" }, { tools: TOOLS.slice(1) }];
    const calls = [check({ region: "eu" }, region("eu")), check({ region: "eu" }, {})];
    expect(await Promise.all(calls)).toEqual(["fine", "400 -32020 Mcp-Param-region is missing"]);
    expect(asked).toEqual([{}, { cursor: "2" }]);
  });

  it("is learnt from a list that passes by, unless it is one page of several", async () => {
    headers.learn({ tools: TOOLS, nextCursor: "2" });
    expect(await check({ region: "eu" }, {})).toContain("missing");
    expect(asked).toHaveLength(1);
    headers.learn({ tools: [] });
    expect(await check({ region: "eu" }, {})).toBe("fine");
    expect(asked).toHaveLength(1);
  });

  it("is asked for again when the list changed, when it is old, and before an old one refuses", async () => {
    headers.learn({ tools: [] });
    headers.forget();
    expect(await check({ region: "eu" }, {})).toContain("missing");
    clock.advance(61);
    pages = [{ tools: [] }];
    expect(await check({ region: "eu" }, {})).toBe("fine");
    headers.learn({ tools: TOOLS });
    clock.advance(5);
    expect(await check({ region: "eu" }, {})).toBe("fine");
    expect(asked).toHaveLength(3);
  });

  it("is not needed for a call that has nothing to compare", async () => {
    expect(await check({}, {})).toBe("fine");
    expect(await check(undefined, { "mcp-name": "regional" })).toBe("fine");
    expect(asked).toEqual([]);
  });

  it("is not waited for without end: then only calls with such headers are refused", async () => {
    pages = ["silence"];
    const calls = [check({ region: "eu" }, {}), check({ region: "eu" }, region("eu"))];
    await Promise.resolve();
    clock.advance(61);
    expect(await Promise.all(calls)).toEqual(["fine", expect.stringMatching(/^503 -32603 /)]);
    expect(await check({ region: "eu" }, {})).toBe("fine");
    expect(asked).toHaveLength(1);
  });

  it("is nothing for a server that has no list, and not endless for one that has no end", async () => {
    pages = [{}];
    expect(await check({ region: "eu" }, region("us"))).toBe("fine");
    headers.forget();
    pages = [{ tools: [], nextCursor: "more" }];
    expect(await check({ region: "eu" }, region("us"))).toBe("fine");
    expect(asked).toHaveLength(101);
  });

  it("stays when the server cannot be asked", async () => {
    headers.learn({ tools: TOOLS });
    pages = [new Error("ended")];
    clock.advance(61);
    expect(await check({ region: "eu" }, {})).toContain("missing");
  });
});
