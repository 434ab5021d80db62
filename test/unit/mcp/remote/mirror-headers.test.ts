import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonRpcRequest } from "../../../../src/mcp/json-rpc.ts";
import { mirroredHeader } from "../../../../src/mcp/mirrored-header.ts";
import { encodeHeader, mirrorHeaders } from "../../../../src/mcp/remote/mirror-headers.ts";
import { ToolHeaders } from "../../../../src/mcp/remote/tool-headers.ts";

const request = (method: string, params: object = {}): JsonRpcRequest => ({
  jsonrpc: "2.0",
  id: 1,
  method,
  params: { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
});

const headersOf = (method: string, params?: object, tools = new ToolHeaders()) => {
  const flat = mirrorHeaders(request(method, params), tools);
  return Object.fromEntries(
    flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : [])),
  );
};

describe("headers that repeat the body (MCP 2026-07-28)", () => {
  it("are version and method, and a name where there is one", () => {
    const common = { "mcp-protocol-version": "2026-07-28" };
    expect(headersOf("tools/list")).toEqual({ ...common, "mcp-method": "tools/list" });
    expect(headersOf("tools/call", { name: "x" })).toEqual({
      ...common,
      "mcp-method": "tools/call",
      "mcp-name": "x",
    });
    expect(headersOf("resources/read", { uri: "a:b" })["mcp-name"]).toBe("a:b");
    expect(headersOf("tasks/get", { taskId: "t" })["mcp-name"]).toBe("t");
    expect(headersOf("tools/call", { name: 7 })).not.toHaveProperty("mcp-name");
    expect(headersOf("constructor", { name: "x" })).not.toHaveProperty("mcp-name");
  });

  it.each([
    ["plain", "plain"],
    ["two words\there", "two words\there"],
    ["", ""],
    [" blank", "=?base64?IGJsYW5r?="],
    ["ü", "=?base64?w7w=?="],
    ["a\r\nX-Evil: 1", "=?base64?YQ0KWC1FdmlsOiAx?="],
    ["=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="],
    ["=?base64?YQ==", "=?base64?YQ=="],
  ])("write %j as %j", (value, expected) => {
    expect(encodeHeader(value)).toBe(expected);
  });

  it("are read back as what they were, and never carry a line break", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const header = encodeHeader(value);
        expect(header).toMatch(/^[\t\x20-\x7e]*$/);
        expect(mirroredHeader({ headers: { x: header }, rawHeaders: [] }, "x")).toBe(value);
      }),
    );
  });
});

describe("arguments that have headers", () => {
  const tool = (properties: object, name = "t") => ({ name, inputSchema: { properties } });
  const learned = (...tools: object[]) => {
    const headers = new ToolHeaders();
    headers.learn({ tools });
    return headers;
  };

  it("are those the tool's schema names, at any depth of properties", () => {
    const tools = learned(
      tool({
        a: { type: "string", "x-mcp-header": "A" },
        b: { properties: { c: { type: "integer", "x-mcp-header": "B-C" } } },
        d: { type: "boolean", "x-mcp-header": "D" },
        e: { type: "string" },
      }),
    );
    const given = { a: "ü", b: { c: 3 }, d: false, e: "x" };
    expect(headersOf("tools/call", { name: "t", arguments: given }, tools)).toMatchObject({
      "mcp-param-a": "=?base64?w7w=?=",
      "mcp-param-b-c": "3",
      "mcp-param-d": "false",
    });
    expect(tools.of("t", { a: null, b: 1 })).toEqual([]);
    expect(tools.of("other", given)).toEqual([]);
  });

  it("are forgotten with the schema that named them, and never inherited", () => {
    const tools = learned(tool({ constructor: { type: "string", "x-mcp-header": "C" } }));
    expect(tools.of("t", {})).toEqual([]);
    expect(tools.of("t", { constructor: "x" })).toEqual(["mcp-param-c", "x"]);
    tools.learn({ tools: [tool({})] });
    expect(tools.of("t", { constructor: "x" })).toEqual([]);
  });

  it("are none for lists that are none", () => {
    for (const broken of [null, {}, { tools: {} }, { tools: [null, { name: 1 }] }]) {
      const tools = new ToolHeaders();
      tools.learn(broken);
      expect(tools.of("t", {})).toEqual([]);
    }
  });
});
