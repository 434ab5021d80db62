/**
 * Several gateways as processes of their own on one Redis, behind a balancer that gives each connection to the next one: the
 * way more than one of them is run. Clients know the balancer only; a test may also ask one replica by itself.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Agent, buildConnector, fetch as undiciFetch } from "undici";
import { stringify } from "yaml";
import type { ConfigInput } from "../../src/config.ts";
import { freePort } from "./bearer-proxy.ts";
import { bin } from "./gateway-process.ts";
import { fixture, type TestGateway } from "./gateway.ts";
import { permitAll } from "./permit-all.ts";
import { startRedis, type TestRedis } from "./redis.ts";

interface Replica {
  /** Where its control socket is. */
  readonly stateDirectory: string;
  stderr(): string;
  /** @returns once it is gone */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface Replicas {
  /** As a client sees them: one gateway. */
  readonly gateway: TestGateway;
  readonly redis: TestRedis;
  readonly all: readonly Replica[];
  /** Ask one replica. @param path of the public URL, such as `/token` */
  ask(replica: number, path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** @param config merged over the default one, which has a single service `echo` and no limits that matter */
export async function startReplicas(
  count: number,
  config: Partial<ConfigInput> = {},
): Promise<Replicas> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const directory = mkdtempSync(join(tmpdir(), "mcpg-replicas-"));
    undo.push(() => rmSync(directory, { recursive: true, force: true }));
    const redis = await startRedis();
    undo.push(() => redis.close());
    const ports = await Promise.all(Array.from({ length: count }, freePort));
    const balancer = await startBalancer(ports);
    undo.push(() => balancer.close());
    const host = `localhost:${balancer.port}`;
    const started = ports.map(async (port, index) => {
      const folder = join(directory, String(index));
      mkdirSync(folder);
      const input = {
        publicUrl: `http://${host}`,
        listen: { host: "127.0.0.1", port },
        log: { level: "trace" },
        // Races refuse hundreds in a second, from one address.
        limits: {
          rates: {
            failures: 100_000,
            registrations: 10_000,
            authorizations: 10_000,
            logins: 10_000,
          },
        },
        ...config,
        services: permitAll(
          config.services ?? { echo: { command: process.execPath, args: [fixture("echo.js")] } },
        ),
        store: { type: "redis", url: "${REDIS_URL}" },
      };
      writeFileSync(join(folder, "mcp-gateway.yaml"), stringify(input));
      const replica = await startReplica(folder, redis.url);
      undo.push(() => replica.stop());
      return replica;
    });
    await Promise.allSettled(started); // so that `undo` knows every process before anything is thrown
    const all = await Promise.all(started);
    // Asks for the public URL, connects to this one.
    const agents = ports.map((port) => {
      const toReplica = buildConnector({});
      return new Agent({
        connect: (options, callback) =>
          toReplica({ ...options, hostname: "127.0.0.1", port: String(port) }, callback),
      });
    });
    undo.push(() => Promise.all(agents.map((agent) => agent.destroy())));
    const gateway = { url: `http://${host}`, resource: all[0]!.resource };
    return {
      // The rest of a TestGateway (clock, events) belongs to a gateway in this process; helpers for the wire need only these.
      gateway: gateway as TestGateway,
      redis,
      all,
      async ask(replica, path, init = {}) {
        const options = { redirect: "manual", ...init, dispatcher: agents[replica]! } as const;
        // The types of undici's fetch and of the global one differ in name only.
        return (await undiciFetch(
          `http://${host}${path}`,
          options as never,
        )) as unknown as Response;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startReplica(
  cwd: string,
  redisUrl: string,
): Promise<Replica & { resource: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [bin, "serve", "--json"], {
    cwd,
    env: { ...process.env, REDIS_URL: redisUrl },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const gone = once(child, "exit");
  const line = await Promise.race([
    once(createInterface(child.stdout), "line").then(([text]) => String(text)),
    gone.then(([code]) => {
      throw new Error(`a replica ended with ${code} before it was ready:\n${stderr}`);
    }),
  ]);
  const { endpoints } = JSON.parse(line) as { endpoints: { url: string }[] };
  return {
    stateDirectory: join(cwd, ".mcp-gateway"),
    resource: endpoints[0]!.url,
    stderr: () => stderr,
    async kill(signal) {
      child.kill(signal);
      await gone;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await gone;
    },
  };
}

async function startBalancer(
  ports: readonly number[],
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((incoming) => {
    const outgoing = connect(ports[turn++ % ports.length]!, "127.0.0.1");
    for (const [from, to] of [[incoming, outgoing], [outgoing, incoming]] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    } // prettier-ignore
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  return {
    port: address.port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
