/**
 * A gateway worth watching: two services, and clients that register, log in, call and leave.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startGateway, type TestGateway } from "./gateway.ts";
import { logIn } from "./strict-client.ts";

interface Visitor {
  call(tool: string, given?: Record<string, unknown>): Promise<unknown>;
  leave(): Promise<void>;
}

export interface Watched {
  /** The one that runs at the moment. */
  readonly gateway: TestGateway;
  /** Where commands find the gateway. */
  cwd: string;
  /** Registers, logs in, and opens a session. */
  visit(name: string, service?: "files" | "notes"): Promise<Visitor>;
  /** Ends the gateway, waits for `meanwhile`, and starts it again. */
  restart(meanwhile: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

const server = (name: string): string =>
  fileURLToPath(
    new URL(
      `../../node_modules/@modelcontextprotocol/server-${name}/dist/index.js`,
      import.meta.url,
    ),
  );

export async function startWatched(): Promise<Watched> {
  const cwd = mkdtempSync(join(tmpdir(), "watched-"));
  const stateDirectory = join(cwd, "state");
  const folder = join(cwd, "files");
  mkdirSync(folder);
  writeFileSync(join(folder, "plan.md"), "# Plan\n");
  const start = (): Promise<TestGateway> =>
    startGateway({
      stateDirectory,
      config: {
        services: {
          files: { command: process.execPath, args: [server("filesystem"), folder] },
          notes: {
            command: process.execPath,
            args: [server("memory")],
            env: { MEMORY_FILE_PATH: join(cwd, "notes.jsonl") },
            isolation: "shared",
          },
        },
      },
    });
  writeFileSync(join(cwd, "mcp-gateway.yaml"), "store: { type: lowdb, path: state }\n");
  const visitors = new Set<Visitor>();
  let gateway = await start();
  return {
    get gateway() {
      return gateway;
    },
    cwd,
    async visit(name, service = "files") {
      const endpoint = `${gateway.url}/${service}/mcp`;
      const { tokens } = await logIn(endpoint, { metadata: { client_name: name } });
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
        requestInit: { headers },
      });
      const client = new Client({ name, version: "1.0.0" });
      await client.connect(transport);
      const visitor: Visitor = {
        call: (tool, given = {}) => client.callTool({ name: tool, arguments: given }),
        async leave() {
          visitors.delete(visitor);
          await transport.terminateSession().catch(() => undefined);
          await client.close();
        },
      };
      visitors.add(visitor);
      return visitor;
    },
    async restart(meanwhile) {
      await gateway.close();
      await meanwhile();
      gateway = await start();
    },
    async close() {
      for (const visitor of visitors) await visitor.leave();
      await gateway.close();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}
