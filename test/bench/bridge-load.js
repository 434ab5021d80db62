/**
 * Sessions with an MCP server, each calling a tool again and again, the next call when the answer to the last has come.
 *
 * Reads one line of JSON, `{ url, token } | { command }` and `{ sessions, seconds, calls, tool }`; prints one,
 * `{ opened, first, perSecond, p50, p99, calls }`, times in milliseconds, and keeps the sessions open until its standard
 * input ends. Without `seconds` each session makes `calls` calls.
 */
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";

const input = createInterface({ input: process.stdin });
const line = await new Promise((resolve) => input.once("line", resolve));
const { url, token, command, sessions = 1, seconds, calls = 1, tool } = JSON.parse(line);

const agent = new Agent({ keepAlive: true, maxSockets: sessions });
const INITIALIZE = {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "bench", version: "1" },
};

/** An answer, whether it comes as JSON or as the last event of a stream. */
const isAnswer = (text) => text.includes('"result"') && !text.includes('"isError":true');

function overHttp() {
  let sessionId;
  const send = (method, message) =>
    new Promise((resolve, reject) => {
      const body = message === undefined ? "" : JSON.stringify(message);
      const headers = {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "mcp-protocol-version": INITIALIZE.protocolVersion,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(sessionId && { "mcp-session-id": sessionId }),
      };
      const sent = request(url, { agent, method, headers }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          sessionId ??= response.headers["mcp-session-id"];
          const text = Buffer.concat(chunks).toString();
          const isWrong =
            response.statusCode >= 300 || (message?.id !== undefined && !isAnswer(text));
          if (isWrong) reject(new Error(`${response.statusCode} ${text.slice(0, 300)}`));
          else resolve();
        });
      });
      sent.on("error", reject).end(body);
    });
  return { send: (message) => send("POST", message), close: () => send("DELETE").catch(() => {}) };
}

function overStdio() {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  createInterface({ input: child.stdout }).on("line", (text) => {
    const { id, result } = JSON.parse(text);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (result) resolve();
    else reject(new Error(text));
  });
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        child.stdin.write(`${JSON.stringify(message)}\n`);
        if (message.id === undefined) resolve();
        else waiting.set(message.id, { resolve, reject });
      }),
    close: async () => child.stdin.end(),
  };
}

async function open() {
  const session = command ? overStdio() : overHttp();
  await session.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: INITIALIZE });
  await session.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  return session;
}

const startedAt = performance.now();
const all = await Promise.all(Array.from({ length: sessions }, open));
const opened = performance.now() - startedAt;

const times = [];
let first;
const end = performance.now() + (seconds ?? 0) * 1000;
const began = performance.now();
await Promise.all(
  all.map(async (session) => {
    for (let id = 1; seconds === undefined ? id <= calls : performance.now() < end; id += 1) {
      const at = performance.now();
      await session.send({ jsonrpc: "2.0", id, method: "tools/call", params: tool });
      first ??= performance.now() - startedAt;
      times.push(performance.now() - at);
    }
  }),
);
const perSecond = times.length / ((performance.now() - began) / 1000);
times.sort((a, b) => a - b);
const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
console.log(
  JSON.stringify({ opened, first, perSecond, p50: at(0.5), p99: at(0.99), calls: times.length }),
);
for await (const _ of input);
await Promise.all(all.map((session) => session.close()));
agent.destroy();
