/**
 * The bridge behind a bare HTTP server: no OAuth, so that a test sees the bridge and nothing else. The caller of a
 * request is whoever its header `x-test-caller` names.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AuthInfo } from "../../src/auth-info.ts";
import {
  createBridge,
  createServices,
  type Bridge,
  type CredentialSource,
  type SessionMemory,
} from "../../src/bridge/bridge.ts";
import { systemClock, type Clock } from "../../src/clock.ts";
import type { Config, ConfigInput } from "../../src/config.ts";
import { makeConfig } from "../../src/config-file.ts";
import { createEventBus, type GatewayEvent } from "../../src/events.ts";
import { createLog } from "../../src/log.ts";
import { permitAll } from "./permit-all.ts";

export interface BridgeServer {
  /** Address of a service's endpoint. */
  endpoint(service: string): string;
  bridge: Bridge;
  events: GatewayEvent[];
  /** Everything the log said so far. */
  logged(): string;
  /** As when the configuration was changed. */
  replaceServices(services: ConfigInput["services"]): Promise<void>;
  close(): Promise<void>;
}

export async function startBridge(options: {
  services: ConfigInput["services"];
  limits?: ConfigInput["limits"];
  clock?: Clock;
  environment?: NodeJS.ProcessEnv;
  memory?: SessionMemory;
  credentials?: CredentialSource;
  /** The gateway's own folder, which nobody may see. */
  stateDirectory?: string;
}): Promise<BridgeServer> {
  const configOf = (configured: ConfigInput["services"]): Config =>
    makeConfig({
      publicUrl: "http://localhost:0",
      services: permitAll(configured),
      limits: options.limits,
      ...(options.stateDirectory && { store: { type: "lowdb", path: options.stateDirectory } }),
    });
  const config = configOf(options.services);
  const events: GatewayEvent[] = [];
  const bus = createEventBus((error) => {
    throw error;
  });
  bus.subscribe((event) => events.push(event));
  let logText = "";
  const destination = { write: (line: string) => (logText += line) };
  const clock = options.clock ?? systemClock;
  const log = await createLog({
    level: "debug",
    pretty: false,
    destination: destination as unknown as NodeJS.WritableStream,
  });
  const { environment, memory, credentials } = options;
  const deps = {
    clock,
    events: bus,
    log,
    ...(environment && { environment }),
    ...(credentials && { credentials }),
  };
  const services = createServices(config, deps);
  const bridge = createBridge({
    services,
    clock,
    events: bus,
    log,
    limits: config.limits,
    ...(memory && { memory }),
    ...(credentials && { credentials }),
  });
  const server = createServer((request, response) => {
    // Whoever may come in is the gateway's business; the conformance suite asks for this much of it.
    if (!isOurs(request.headers.host) || !isOurs(request.headers.origin)) {
      response.writeHead(403).end();
      return;
    }
    const service = request.url!.split("/")[1]!;
    const caller = String(request.headers["x-test-caller"] ?? "ada");
    void bridge.handle(request, response, { service, auth: authOf(caller, service) });
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: (service) => `http://localhost:${port}/${service}/mcp`,
    bridge,
    events,
    logged: () => logText,
    replaceServices: (next) => bridge.replaceServices(createServices(configOf(next), deps)),
    async close() {
      await bridge.close(0.2);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @param named a Host or Origin header */
function isOurs(named: string | undefined): boolean {
  return named === undefined || /^(?:http:\/\/)?localhost(?::\d+)?$/.test(named);
}

function authOf(caller: string, service: string): AuthInfo {
  return {
    clientId: `client-of-${caller}`,
    scopes: ["mcp"],
    expiresAt: 4_000_000_000,
    resource: `http://localhost/${service}/mcp`,
    subject: `local:${caller}`,
    grantId: `grant-of-${caller}`,
    tokenId: `token-of-${caller}`,
  };
}
