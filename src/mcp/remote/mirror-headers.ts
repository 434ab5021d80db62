/**
 * The headers of a modern request that repeat its body (MCP 2026-07-28 "Streamable HTTP"), made from what is really sent:
 * those the client wrote were about its own request.
 */
import { metaOf, type JsonRpcNotification, type JsonRpcRequest } from "../json-rpc.ts";
import type { ToolHeaders } from "./tool-headers.ts";
import { MODERN_VERSION, NAMED_MEMBERS, RESERVED } from "../revisions.ts";

/** @returns names and values by turns */
export function mirrorHeaders(
  message: JsonRpcRequest | JsonRpcNotification,
  tools: ToolHeaders,
): string[] {
  const { method, params } = message;
  const version = metaOf(message)?.[`${RESERVED}protocolVersion`];
  const headers = [
    "mcp-protocol-version",
    encodeHeader(typeof version === "string" ? version : MODERN_VERSION),
    "mcp-method",
    encodeHeader(method),
  ];
  const name = params?.[NAMED_MEMBERS[method] ?? ""];
  if (typeof name === "string") headers.push("mcp-name", encodeHeader(name));
  if (method !== "tools/call" || typeof name !== "string") return headers;
  const mirrored = tools.of(name, params?.["arguments"]);
  return [...headers, ...mirrored.map((part, at) => (at % 2 === 0 ? part : encodeHeader(part)))];
}

/** Plain where a header can carry it as it is and nobody would take it for an encoded one; else base64 of UTF-8. */
export function encodeHeader(value: string): string {
  const isPlain = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/.test(value);
  if (isPlain && !/^=\?base64\?.*\?=$/.test(value)) return value;
  return `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`;
}
