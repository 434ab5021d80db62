/**
 * Which arguments of a tool are repeated in headers: `x-mcp-header` in its input schema (MCP 2026-07-28, "Streamable HTTP").
 */
import { asObject } from "./json-rpc.ts";

export interface HeaderDeclaration {
  /** `mcp-param-` and what the schema says, in lower case. */
  readonly header: string;
  /** Where the value is, from `arguments` down. */
  readonly path: readonly string[];
  readonly type: "integer" | "string" | "boolean";
}

const ANNOTATION = "x-mcp-header";
const PREFIX = "mcp-param-";
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * @param tool an entry of `tools/list`
 * @returns empty also when the schema breaks a rule of the annotation: clients then do not offer the tool at all, so nobody
 * sends its headers
 */
export function headerDeclarations(tool: unknown): readonly HeaderDeclaration[] {
  const schema = asObject(asObject(tool)?.["inputSchema"]);
  const found = new Map<string, HeaderDeclaration>();
  return schema && collect(schema, [], found) ? [...found.values()] : [];
}

/** @returns false when a rule is broken */
function collect(
  schema: { [member: string]: unknown },
  path: readonly string[],
  found: Map<string, HeaderDeclaration>,
): boolean {
  const name = schema[ANNOTATION];
  if (name !== undefined) {
    const { type } = schema;
    if (path.length === 0 || typeof name !== "string" || !TOKEN.test(name)) return false;
    if (type !== "integer" && type !== "string" && type !== "boolean") return false;
    const header = `${PREFIX}${name.toLowerCase()}`;
    if (found.has(header)) return false;
    found.set(header, { header, path, type });
  }
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword !== "properties") {
      if (isAnnotatedBelow(keyword, value)) return false;
      continue;
    }
    for (const [member, child] of Object.entries(asObject(value) ?? {})) {
      const below = asObject(child);
      if (below && !collect(below, [...path, member], found)) return false;
    }
  }
  return true;
}

/** What holds values, not schemas; an annotation in there is a value like any other. */
const VALUES = new Set(["const", "default", "enum", "example", "examples"]);

/** Whether anything that is reached by other keywords than `properties` is annotated. */
function isAnnotatedBelow(keyword: string, value: unknown): boolean {
  if (VALUES.has(keyword)) return false;
  if (Array.isArray(value)) return value.some((each) => isAnnotatedBelow("", each));
  const schema = asObject(value);
  if (!schema) return false;
  return (
    Object.hasOwn(schema, ANNOTATION) ||
    Object.entries(schema).some(([below, child]) => isAnnotatedBelow(below, child))
  );
}
