/**
 * A whole gateway in this process: real store in a folder of its own, real sockets on a free port, real children.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config, ConfigInput } from "../../src/config.ts";
import { loadConfig, makeConfig } from "../../src/config-file.ts";
import type { GatewayEvent } from "../../src/events.ts";
import { createLog, type LogLevel } from "../../src/log.ts";
import { startGateway as start } from "../../src/server/gateway.ts";
import { permitAll } from "./permit-all.ts";
import { filesOf, refuseSecrets } from "./drawn-secrets.ts";
import { createMovableClock, type MovableClock } from "./movable-clock.ts";

export interface TestGateway {
  /** Issuer, `http://localhost:<port>`. */
  url: string;
  /** The MCP endpoint of the service `echo`. */
  resource: string;
  stateDirectory: string;
  clock: MovableClock;
  /** Everything that happened so far. */
  events: GatewayEvent[];
  /** Everything the log said so far, at level trace unless told. */
  logged(): string;
  /** One-time login codes shown in the terminal so far. */
  codes: string[];
  close(): Promise<void>;
}

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixture/${name}`, import.meta.url));

/** A test sends from one address in a second what people send in a day. The limits have tests of their own. */
const UNLIMITED = {
  registrations: 1e9,
  authorizations: 1e9,
  logins: 1e9,
  failures: 1e9,
  lookups: 1e9,
};

/**
 * @param options.config merged over the default one, which has a single service `echo`
 * @param options.file the configuration instead, followed as it changes; it names `stateDirectory` itself
 * @param options.certificates PEM of sites clients describe themselves at
 * @param options.stateDirectory keep using this one; it is not removed on `close`
 */
export async function startGateway(
  options: {
    config?: Partial<ConfigInput>;
    stateDirectory?: string;
    logLevel?: LogLevel;
    certificates?: string[];
    file?: string;
  } = {},
): Promise<TestGateway> {
  const stateDirectory = options.stateDirectory ?? mkdtempSync(join(tmpdir(), "mcpg-"));
  const clock = createMovableClock();
  const events: GatewayEvent[] = [];
  const codes: string[] = [];
  let logText = "";
  const destination = {
    write: (line: string) => (logText += line),
  } as unknown as NodeJS.WritableStream;
  const { file } = options;
  const load = () => loadConfig({ file }).config;
  const given = (): Config =>
    makeConfig({
      publicUrl: "http://localhost:0",
      listen: { host: "localhost", port: 0 },
      limits: { rates: UNLIMITED },
      ...options.config,
      services: permitAll(
        options.config?.services ?? {
          echo: { command: process.execPath, args: [fixture("echo.js")] },
        },
      ),
      store: { type: "lowdb", path: stateDirectory },
    });
  const gateway = await start({
    config: file === undefined ? given() : load(),
    ...(file !== undefined && { source: { file, load } }),
    version: "0.0.0-test",
    clock,
    ...(options.certificates && { certificates: options.certificates }),
    announce: (code) => codes.push(code),
    log: await createLog({ level: options.logLevel ?? "trace", pretty: false, destination }),
  });
  gateway.events.subscribe((event) => events.push(event));
  return {
    url: gateway.url,
    resource: gateway.endpoints[0]!.url,
    stateDirectory,
    clock,
    events,
    codes,
    logged: () => logText,
    async close() {
      await gateway.stop(1);
      refuseSecrets({ "the log": logText, "the events": JSON.stringify(events) });
      refuseSecrets(filesOf(stateDirectory));
      if (options.stateDirectory === undefined) rmSync(stateDirectory, { recursive: true });
    },
  };
}
