/**
 * The composition root: the only file that knows every implementation. Reads from top to bottom as the gateway starts;
 * `stop` undoes it in reverse.
 */
import type { Server } from "node:http";
import { createBridge, createServices, handleOf, type Bridge } from "../bridge/bridge.ts";
import { epochSeconds, systemClock, type Clock } from "../clock.ts";
import { isLoopbackHost, type Config } from "../config.ts";
import type { SandboxTier } from "../config/permissions.ts";
import { createEventBus } from "../events.ts";
import type { Log } from "../log.ts";
import { prepareStateDirectory } from "../paths.ts";
import { createAccountDirectory } from "./accounts/accounts.ts";
import { createRequestListener, type RequestListener } from "./app.ts";
import { startAuditLog } from "./audit-log.ts";
import { createAttempts } from "./autopsy/attempts.ts";
import type { ServerContext } from "./context.ts";
import { startControlServer } from "./control.ts";
import { credentialSeal } from "./credential-seal.ts";
import { createCredentials } from "./credentials.ts";
import { createGuardedFetch } from "./guarded-fetch.ts";
import { createIdentityProviders } from "./identity/index.ts";
import { endGrantsOfStrangers } from "./oauth/grant.ts";
import { createRemoteKeys } from "./oauth/remote-keys.ts";
import { createInternalListener } from "./internal-listener.ts";
import { closeServer, listen, portOf } from "./listen.ts";
import { createOperatorFetch } from "./operator-fetch.ts";
import { createControlApi } from "./control/control-api.ts";
import { createAdminDoor } from "./resource/admin.ts";
import { createAuthenticate } from "./resource/authenticate.ts";
import { createMcpEndpoint } from "./resource/mcp.ts";
import { createVerify } from "./resource/verify.ts";
import { startReload, type ConfigSource } from "./reload.ts";
import { createLiveResources } from "./resources.ts";
import { createSessionMemory } from "./session-memory.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createStore } from "./store/index.ts";
import type { Store } from "./store/store.ts";

export interface GatewayOptions {
  config: Config;
  version: string;
  log: Log;
  /** Shows a one-time login code to whoever reads the terminal. */
  announce?: (code: string) => void;
  clock?: Clock;
  /** Where `config` comes from, when it may change while the gateway runs. */
  source?: ConfigSource;
  /** PEM; trusted, besides the well-known ones, by what clients have published about themselves. */
  certificates?: readonly string[];
  /** Others reach it by a tunnel, whatever its addresses look like. */
  isTunnelled?: boolean;
}

export interface Gateway {
  /** The issuer, with the port that was really taken. */
  readonly url: string;
  readonly endpoints: readonly { service: string; url: string; sandbox?: SandboxTier }[];
  /** Subscribe to what happens. */
  readonly events: ServerContext["events"];
  /** Read the configuration again, where there is a file. @returns whether it is in force */
  reload?(): Promise<boolean>;
  /** Stop accepting, end sessions and children, write everything down. @param graceSeconds for each firmer step */
  stop(graceSeconds: number): Promise<void>;
}

/** @throws UserError when a port, the state directory or the configuration does not permit it */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, version } = options;
  const clock = options.clock ?? systemClock;
  let graceSeconds = 5;
  const undo: (() => unknown)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };

  try {
    const paths = prepareStateDirectory(options.config.store.path);
    const events = createEventBus((error) => log.error({ err: error }, "an event listener failed"));
    const store = await createStore(options.config.store, { clock, log, events });
    undo.push(() => store.close());

    let begin!: (listener: RequestListener) => void;
    const ready = new Promise<RequestListener>((resolve) => (begin = resolve));
    // Who comes before everything stands waits: without a listener a request would never be answered.
    const early: RequestListener = (request, response) =>
      void ready.then((listener) => listener(request, response));
    const servers = await listen(options.config.listen, early);
    let closed: Promise<unknown> | undefined;
    const closeServers = (): Promise<unknown> =>
      (closed ??= Promise.all(servers.map((server) => closeServer(server, graceSeconds))));
    undo.push(closeServers);
    const config = changeable(withRealPort(options.config, servers[0]!));

    const auditLog = startAuditLog(events, { file: paths.auditLog, log });
    undo.push(() => auditLog.close());

    const attempts = createAttempts({ clock, config, events });
    undo.push(() => attempts.close());

    const keys = await createSigningKeys({ store, clock, config, events, log });
    undo.push(() => keys.close());

    const seal = credentialSeal(config);
    const credentials = createCredentials({ store, clock, events, seal, issuer: config.publicUrl });
    await credentials.renew();

    const isTunnelled = options.isTunnelled ?? false;
    const mayLoopback = !isTunnelled && isLoopbackHost(new URL(config.publicUrl).hostname);
    const guardedFetch = createGuardedFetch({
      clock,
      mayLoopback,
      ...(options.certificates && { certificates: options.certificates }),
    });
    const resources = createLiveResources(config);
    const context: ServerContext = {
      config,
      issuer: config.publicUrl,
      clock,
      events,
      attempts,
      log,
      store,
      keys,
      credentials,
      resources,
      guardedFetch,
      remoteKeys: {
        ofClients: createRemoteKeys({ clock, fetch: guardedFetch }),
        ofIssuers: createRemoteKeys({ clock, fetch: createOperatorFetch({ clock }) }),
      },
      identityProviders: createIdentityProviders(config, {
        clock,
        requireCode: isTunnelled || !isOnlyLocal(config),
        accounts: createAccountDirectory({ config, clock, store }),
        announce: options.announce ?? ((code) => log.warn(`One-time login code: ${code}`)),
      }),
    };

    const services = createServices(config, { clock, events, log, credentials });
    const memory = createSessionMemory({
      store,
      clock,
      limits: config.limits,
      isShared: config.store.type === "redis",
      onTaken: (id) =>
        void bridge.end({ sessionId: handleOf(id) }, "another gateway has taken it over"),
    });
    const bridge: Bridge = createBridge({
      services,
      clock,
      events,
      log,
      limits: config.limits,
      memory,
      credentials,
      secrets: () => keys.derive("request states"),
    });
    undo.push(async () => {
      await bridge.close(graceSeconds);
      await memory.close();
    });
    // What lost its right ends at once: open streams would otherwise outlive the token they were opened with.
    undo.push(
      events.subscribe((event) => {
        if (event.type === "grant.ended") void bridge.end({ grantId: event.grantId }, event.reason);
        if (event.type === "client.revoked")
          void bridge.end({ clientId: event.clientId }, "client revoked");
        if (event.type === "credentials.changed") {
          const { service, subject } = event;
          void bridge.end({ service, subject }, "credentials were changed");
        }
        if (event.type === "store.recovered") {
          endOrphans(bridge, store).catch((error: unknown) =>
            log.error({ err: error }, "sessions could not be compared with the store"),
          );
        }
        if (event.type === "key.removed" && event.isEmergency) {
          for (const service of Object.keys(config.services)) {
            void bridge.end({ service }, "keys were replaced");
          }
        }
      }),
    );

    await endGrantsOfStrangers(context); // the rules may have changed while nobody was here
    const authenticate = createAuthenticate(context);
    const startedAt = epochSeconds(clock);
    const control = createControlApi({ ...context, bridge, version, startedAt });
    undo.push(() => control.endStreams());
    const listener = createRequestListener(context, {
      admin: createAdminDoor(context, control, authenticate),
      mcp: createMcpEndpoint(context, bridge, authenticate),
      verify: createVerify(context, authenticate),
    });
    for (const server of servers) server.off("request", early).on("request", listener);
    begin(listener);
    if (config.listen.internal) {
      const internal = await listen(config.listen.internal, createInternalListener(config));
      undo.push(() => Promise.all(internal.map((server) => closeServer(server, 0))));
    }

    const { source } = options;
    const reload =
      source &&
      startReload({
        context,
        resources,
        bridge,
        source,
        services,
        loaded: options.config,
        endGrantsOfStrangers: () => endGrantsOfStrangers(context),
        createServices: (next, before) =>
          createServices(next, { clock, events, log, credentials }, before),
      });
    undo.push(() => reload?.stop());

    const localDoor = await startControlServer(control, paths.controlSocket);
    undo.push(() => localDoor.close());
    events.publish({ type: "gateway.started", at: startedAt, url: config.publicUrl, version });

    let stopping: Promise<void> | undefined;
    return {
      url: config.publicUrl,
      endpoints: context.resources.all.map(({ service, uri }) => {
        const sandbox = services.get(service)?.health().sandbox;
        return { service, url: uri, ...(sandbox && { sandbox }) };
      }),
      events,
      ...(reload && { reload: () => reload.now() }),
      stop(grace) {
        graceSeconds = grace;
        stopping ??= (async () => {
          // No timer of ours keeps the process alive, and what is waited for at the end may be nothing else.
          const awake = setInterval(() => undefined, 1000); // ms
          const at = epochSeconds(clock);
          events.publish({ type: "gateway.stopping", at, reason: "asked to stop" });
          void closeServers(); // nobody new from now on; awaited in its turn
          await unwind().finally(() => clearInterval(awake));
        })();
        return stopping;
      },
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** What other replicas took away while they could not be heard. */
async function endOrphans(bridge: Bridge, store: Store): Promise<void> {
  for (const { grantId, clientId } of bridge.sessions()) {
    const [grant, client] = await Promise.all([
      store.get("grant", grantId),
      store.get("client", clientId),
    ]);
    if (!grant || !client) await bridge.end({ grantId }, "revoked");
  }
}

/** Nobody but this machine can reach it, so the person at it needs no code. */
function isOnlyLocal(config: Config): boolean {
  return isLoopbackHost(config.listen.host) && isLoopbackHost(new URL(config.publicUrl).hostname);
}

/** Port 0 in the public URL means: whichever port was free. */
function withRealPort(config: Config, server: Server): Config {
  const url = new URL(config.publicUrl);
  if (url.port !== "0") return config;
  url.port = String(portOf(server));
  return { ...config, publicUrl: url.href.replace(/\/$/, "") };
}

/** A copy whose members may change with the file; whoever has it sees the values in force. */
function changeable(config: Config): Config {
  return { ...config, limits: { ...config.limits } };
}
