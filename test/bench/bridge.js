/**
 * Calls through our bridge, without authorization, against the floor: what node:http and a child can do at all.
 * Needs `npm run build`.
 */
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ECHO = here("../support/fixture/echo.js");
const SECONDS = 2; // of one round
const ROUNDS = 3;

/** @returns {Promise<{ name: string, rows: { what: string, ours: number, peer: number, ratio: number, unit: string }[] }>} */
export async function bench() {
  const config = {
    services: { echo: { command: process.execPath, args: [ECHO] } },
    log: { level: "silent" },
  };
  const ours = await start([
    here("../support/fixture/bare-gateway.js"),
    here("../../dist"),
    JSON.stringify(config),
  ]);
  const floor = await start([here("floor.js"), ECHO]);
  try {
    const rows = [];
    for (const sessions of [1, 16]) {
      const rates = { ours: [], floor: [] };
      // In turns, so that whatever else the machine does falls on both.
      for (let round = 0; round < ROUNDS; round += 1) {
        rates.ours.push(await rate(ours.port, sessions));
        rates.floor.push(await rate(floor.port, sessions));
      }
      rows.push(row(`tools/call, ${sessions} session(s)`, median(rates.ours), median(rates.floor)));
    }
    return { name: "bridge against the floor", rows };
  } finally {
    ours.process.kill();
    floor.process.kill();
  }
}

const row = (what, ours, peer) => ({ what, ours, peer, ratio: ours / peer, unit: "calls/s" });
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function start(args) {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, port: JSON.parse(line).port };
  }
  throw new Error(`${args[0]} did not start`);
}

/** Calls in a second, `sessions` at once, each waiting for its answer before the next. */
async function rate(port, sessions) {
  const agent = new Agent({ keepAlive: true, maxSockets: sessions });
  const send = (method, id, body = "") =>
    new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "content-length": Buffer.byteLength(body),
        ...(id && { "mcp-session-id": id }),
      };
      const sent = request({ port, agent, method, path: "/echo/mcp", headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve({ response, text }));
      });
      sent.on("error", reject).end(body);
    });
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "b", version: "1" },
  };
  const opened = await Promise.all(
    Array.from({ length: sessions }, async () => {
      const hello = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
      const { response } = await send("POST", undefined, hello);
      return response.headers["mcp-session-id"];
    }),
  );
  let calls = 0;
  let isOver = false;
  const loop = async (session) => {
    for (let id = 1; !isOver; id += 1) {
      const call = { name: "echo", arguments: { text: "hello" } };
      const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: call });
      const { text } = await send("POST", session, body);
      if (!text.includes("hello")) throw new Error(`not an answer: ${text}`);
      calls += 1;
    }
  };
  const startedAt = performance.now();
  const running = opened.map(loop);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  isOver = true;
  await Promise.all(running);
  const perSecond = calls / ((performance.now() - startedAt) / 1000);
  await Promise.all(opened.map((session) => send("DELETE", session)));
  agent.destroy();
  return perSecond;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows } = await bench();
  for (const { what, ours, peer, ratio, unit } of rows) {
    console.log(
      `${what}: ${ours.toFixed(0)} ${unit} against ${peer.toFixed(0)} ${unit}, ratio ${ratio.toFixed(2)}`,
    );
  }
}
