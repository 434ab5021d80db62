/**
 * The least a bridge can do: lines of one child behind a bare HTTP server, a child for each session, no checks at all.
 *
 *   node floor.js CHILD      prints {"port"} when it listens
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const sessions = new Map();
let next = 1;

function open() {
  const child = spawn(process.execPath, [process.argv[2]], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id } = JSON.parse(line);
    waiting.get(id)?.(line);
    waiting.delete(id);
  });
  const session = { id: String(next++), child, waiting };
  sessions.set(session.id, session);
  return session;
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    if (request.method === "DELETE") {
      sessions.get(request.headers["mcp-session-id"]).child.kill();
      response.writeHead(204).end();
      return;
    }
    const text = Buffer.concat(chunks).toString();
    const { id } = JSON.parse(text);
    const session = sessions.get(request.headers["mcp-session-id"]) ?? open();
    session.child.stdin.write(`${text}\n`);
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    session.waiting.set(id, (line) => {
      response.writeHead(200, { "content-type": "application/json", "mcp-session-id": session.id });
      response.end(line);
    });
  });
});
server.keepAliveTimeout = 60_000; // milliseconds: opening many sessions takes a while
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.once("SIGTERM", () => {
  for (const { child } of sessions.values()) child.kill();
  process.exit(0);
});
