/**
 * A service that is an MCP server elsewhere, spoken to over HTTP. It has nothing to do with the caller but its messages:
 * no header of a request that came in is ever copied to one that goes out.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { RemoteServiceConfig } from "../../config/service.ts";
import { redact } from "../../log.ts";
import { asksPeople, ownValues } from "../credentials.ts";
import { lookAgain } from "../remote/look-again.ts";
import { longEnough, ownHeaders, scrubber, withHeaders } from "../remote/own-headers.ts";
import { RemoteChannel, type Transport } from "../../mcp/remote/remote-channel.ts";
import { findRemoteEra } from "../../mcp/remote/remote-era.ts";
import { CredentialsRefused, RemoteFailure } from "../../mcp/remote/remote-failure.ts";
import { RemoteHttp, type HttpSender } from "../../mcp/remote/remote-http.ts";
import type { Remote } from "../../mcp/remote/remote.ts";
import { ToolHeaders } from "../../mcp/remote/tool-headers.ts";
import type { ServiceFactory } from "./service-factory.ts";
import type { Era } from "./service.ts";
import { ServiceUnavailable } from "./unavailable.ts";
import { abortable } from "./abortable.ts";

/** Seconds an era is remembered: a server may be replaced by a newer one that still takes `initialize`. */
const ERA_LIFETIME = 600;
/** Seconds between two looks at a server that fails, the first and the longest. */
const LOOK_AGAIN = [5, 60] as const;
const RETRY_AFTER = 5; // seconds
/** Seconds longer than a request may take: whoever gives it up should tell the server, and that is not done here. */
const SLACK = 30;

export const createHttpService: ServiceFactory<RemoteServiceConfig> = (name, config, deps) => {
  const { clock, log, environment } = deps;
  const { headers, secrets } = ownHeaders(name, config.headers, environment);
  const channels = new Set<RemoteChannel>();
  const transport: Transport = { configured: config.transport, isOld: false };
  let failure: string | undefined;
  let cancelLook: (() => void) | undefined;
  let isStopped = false;
  let wait: number = LOOK_AGAIN[0];
  let era: { found: Promise<Era>; until: number } | undefined;
  let known: Era | undefined = config.era === "auto" ? undefined : config.era;

  const http = new RemoteHttp(new URL(config.url), headers);
  const hasOwn = asksPeople(config);

  /** @param hidden what must not be seen of what the server says */
  const remoteOf = (sender: HttpSender, hidden: readonly string[]): Remote => {
    const scrub = scrubber(hidden);
    const clean = (text: string): string => scrub(redact(text));
    const remote: Remote = {
      name,
      clock,
      timeout: config.timeout + SLACK,
      http: sender,
      tools: new ToolHeaders(),
      ...(hidden.length > 0 && { scrub }),
      explain(reason) {
        if (hasOwn && reason instanceof CredentialsRefused) {
          return `service ${name} refuses your credentials; enter them anew at ${deps.credentials?.page(name)}`;
        }
        return clean(`service ${name} ${reason.message}`);
      },
      succeeded() {
        if (failure === undefined) return;
        failure = undefined;
        wait = LOOK_AGAIN[0];
        cancelLook?.();
        cancelLook = undefined;
        log.info({ service: name }, "the server elsewhere answers again");
      },
      failed(reason) {
        // What one person's credentials are worth says nothing about the server.
        if (hasOwn && reason instanceof CredentialsRefused) return;
        const isNews = failure === undefined;
        failure = remote.explain(reason);
        const detail = clean(reason.detail ?? "");
        if (isNews) log.warn({ service: name, url: config.url, detail }, failure);
        if (!isStopped && !hasOwn) cancelLook ??= lookLater();
      },
    };
    return remote;
  };
  const common = remoteOf(http, secrets);

  const remoteFor = async (caller: AuthInfo): Promise<Remote> => {
    if (!hasOwn) return common;
    const own = await ownValues(deps.credentials, name, config, caller);
    return remoteOf(withHeaders(http, own.headers), [...secrets, ...longEnough(own.secrets)]);
  };

  /** So that its health is true again without anybody's request. */
  const lookLater = (): (() => void) =>
    clock.after(wait, () => {
      wait = Math.min(wait * 2, LOOK_AGAIN[1]);
      cancelLook = undefined;
      void look();
    });

  const look = async (): Promise<void> => {
    const channel = new RemoteChannel(common, transport, () => undefined);
    if (await lookAgain(channel, clock)) common.succeeded();
    else if (failure !== undefined && !isStopped) cancelLook ??= lookLater();
  };

  const findEra = (remote: Remote): Promise<Era> => {
    const found = findRemoteEra(remote);
    const current = { found, until: clock.now() + ERA_LIFETIME };
    era = current;
    found.then(
      (value) => (known = value),
      // An outage is no evidence.
      () => (era = era === current ? undefined : era),
    );
    return found;
  };

  return {
    name,
    config,
    async era(signal, caller) {
      if (config.era !== "auto") return config.era;
      if (config.transport === "sse") return "legacy";
      const remote = await remoteFor(caller);
      const isFresh = era !== undefined && clock.now() < era.until;
      try {
        return await abortable(isFresh ? era!.found : findEra(remote), signal);
      } catch (error) {
        if (!(error instanceof RemoteFailure)) throw error;
        const { retryAfter = RETRY_AFTER } = error.outage;
        throw new ServiceUnavailable(remote.explain(error), retryAfter);
      }
    },
    async connect(caller, signal) {
      const remote = await remoteFor(caller);
      const channel: RemoteChannel = new RemoteChannel(remote, transport, () =>
        channels.delete(channel),
      );
      channels.add(channel);
      const give = (): void => void channel.close();
      if (signal.aborted) give();
      else signal.addEventListener("abort", give, { once: true });
      return channel;
    },
    health() {
      const facts = { children: [], ...(known && { era: known }) };
      if (failure !== undefined) return { state: "failing", ...facts, reason: failure };
      return { state: channels.size > 0 ? "running" : "idle", ...facts };
    },
    async stop(graceSeconds) {
      isStopped = true;
      cancelLook?.();
      await Promise.all([...channels].map((channel) => channel.close(graceSeconds)));
      await http.close();
    },
  };
};
