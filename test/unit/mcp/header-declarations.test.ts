/** M07: what `x-mcp-header` in an input schema means, and when it means nothing. */
import { describe, expect, it } from "vitest";
import { headerDeclarations } from "../../../src/mcp/header-declarations.ts";

const of = (properties: object, more: object = {}) =>
  headerDeclarations({ name: "t", inputSchema: { type: "object", properties, ...more } });
const text = (name: unknown) => ({ type: "string", "x-mcp-header": name });

describe("the headers of a tool", () => {
  it("are those of annotated strings, integers and booleans, however deep", () => {
    const found = of({
      region: text("Region"),
      count: { type: "integer", "x-mcp-header": "count" },
      inner: {
        type: "object",
        properties: { flag: { type: "boolean", "x-mcp-header": "Is-Flag" } },
      },
      plain: { type: "string" },
    });
    expect(found).toEqual([
      { header: "mcp-param-region", path: ["region"], type: "string" },
      { header: "mcp-param-count", path: ["count"], type: "integer" },
      { header: "mcp-param-is-flag", path: ["inner", "flag"], type: "boolean" },
    ]);
  });

  it.each([
    ["an empty name", { a: text("") }],
    ["a name with a blank", { a: text("My Region") }],
    ["a name with a line break", { a: text("Region\r\nX") }],
    ["a colon", { a: text("Region:") }],
    ["letters beyond ASCII", { a: text("Région") }],
    ["no text", { a: text(7) }],
    ["two names that differ in case", { a: text("Region"), b: text("REGION") }],
    ["a number", { a: { type: "number", "x-mcp-header": "A" } }],
    ["an object", { a: { type: "object", "x-mcp-header": "A" } }],
    ["several types", { a: { type: ["string", "null"], "x-mcp-header": "A" } }],
    ["no type", { a: { "x-mcp-header": "A" } }],
    ["an array's items", { a: { type: "array", items: text("A") } }],
    ["a choice", { a: { oneOf: [text("A")] } }],
  ])("are none when there is %s", (_, properties) => {
    expect(of({ fine: text("Fine"), ...properties })).toEqual([]);
  });

  it.each([
    ["$defs", { $defs: { a: text("A") } }],
    ["if", { if: { properties: { a: text("A") } } }],
    ["additionalProperties", { additionalProperties: text("A") }],
    ["the root", { "x-mcp-header": "A" }],
  ])("are none when an annotation is reached through %s", (_, more) => {
    expect(of({ fine: text("Fine") }, more)).toEqual([]);
  });

  it("do not come from values that look like schemas", () => {
    expect(of({ fine: { ...text("Fine"), default: text("A"), enum: [text("B")] } })).toHaveLength(
      1,
    );
    expect(of({ properties: text("Odd"), default: text("Even") })).toHaveLength(2);
  });

  it.each([
    undefined,
    null,
    7,
    [],
    { name: "t" },
    { inputSchema: true },
    { inputSchema: { properties: [] } },
  ])("are none of %j", (tool) => expect(headerDeclarations(tool)).toEqual([]));
});
