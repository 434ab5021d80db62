/**
 * The MCP server behind every bridge of the bench: as little work as possible, and results of any size.
 *
 *   echo { text }      returns it          blob { size }      returns so many letters
 */
import { createInterface } from "node:readline";

const tools = ["echo", "blob"].map((name) => ({ name, inputSchema: { type: "object" } }));
const blobs = new Map();

function call({ name, arguments: given }) {
  if (name === "echo") return given.text;
  if (!blobs.has(given.size)) blobs.set(given.size, "x".repeat(given.size));
  return blobs.get(given.size);
}

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "bench", version: "1.0.0" },
  }),
  "tools/list": () => ({ tools }),
  "tools/call": (params) => ({ content: [{ type: "text", text: call(params) }] }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined || method === undefined) continue;
  const answer = Object.hasOwn(methods, method)
    ? { result: methods[method](params ?? {}) }
    : { error: { code: -32601, message: `Unknown method ${method}` } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...answer })}\n`);
}
