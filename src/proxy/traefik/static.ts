/**
 * Traefik's static configuration: what it reads once, at its start.
 */
import { posix } from "node:path";
import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import type { Plan } from "../plan.ts";
import { IDLE } from "../target.ts";
import { CERTIFICATE_RESOLVER, ENTRY_POINTS } from "./dynamic.ts";

export const STATIC_FILE = "traefik.yaml";
export const DYNAMIC_FILE = "dynamic.yaml";

/** Where the gateway's internal listener serves the dynamic configuration. */
export const PROVIDER_PATH = "/traefik.json";

const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";
const LONGEST_HEADERS = 16_384; // bytes, as the gateway itself

/** How requests are read. */
const STRICT = {
  // `//` and `/../` are resolved before any rule is looked at; what some server could read as another path is refused.
  sanitizePath: true,
  encodedCharacters: {
    allowEncodedSlash: false,
    allowEncodedBackSlash: false,
    allowEncodedNullCharacter: false,
    allowEncodedSemicolon: false,
    allowEncodedPercent: false,
    allowEncodedQuestionMark: false,
    allowEncodedHash: false,
  },
  // `X_Auth_Subject` is `X-Auth-Subject` to many a server behind.
  aliasHeadersStrategy: "delete",
  maxHeaderBytes: LONGEST_HEADERS,
};

/** @throws UserError when Traefik shall ask the gateway and the gateway has nowhere to be asked */
export function staticConfiguration(config: Config, plan: Plan): object {
  const { proxy } = config;
  const { listen } = plan;
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    entryPoints: {
      [ENTRY_POINTS.http]: entryPoint(config, listen.http),
      ...(plan.isSecure && { [ENTRY_POINTS.https]: entryPoint(config, listen.https) }),
      [ENTRY_POINTS.internal]: {
        address: listen.internal,
        // Traefik asks itself there, and has said already what was asked for.
        forwardedHeaders: { trustedIPs: ["127.0.0.1", "::1"] },
        http: STRICT,
      },
    },
    providers: provider(config),
    ...(plan.isSecure && proxy.acme && { certificatesResolvers: resolver(proxy.acme) }),
    ping: { entryPoint: ENTRY_POINTS.internal },
    ...((proxy.api || proxy.dashboard) && {
      // insecure: without a password on the internal entry point
      api: { dashboard: proxy.dashboard !== undefined, insecure: proxy.api },
    }),
    log: { level: "INFO", format: "json" },
    ...(proxy.accessLog && { accessLog: accessLog() }),
  };
}

function entryPoint({ proxy, limits }: Config, address: string): object {
  return {
    address,
    forwardedHeaders: { trustedIPs: proxy.trustedIPs },
    http: STRICT,
    transport: {
      // Reading counts until the answer is complete, and a stream of events lasts as long as its session.
      respondingTimeouts: {
        readTimeout: `${limits.sessionLifetime}s`,
        writeTimeout: "0s",
        idleTimeout: `${IDLE.client}s`,
      },
    },
  };
}

function provider(config: Config): object {
  const { provider: kind, directory } = config.proxy;
  if (kind === "file") {
    return { file: { filename: posix.join(directory, DYNAMIC_FILE), watch: true } };
  }
  const { internal } = config.listen;
  if (internal === undefined) {
    throw new UserError("Traefik cannot ask the gateway for its configuration", {
      hint: "Set listen.internal, or proxy.provider to file.",
    });
  }
  const host = internal.host.includes(":") ? `[${internal.host}]` : internal.host;
  const endpoint = `http://${host}:${internal.port}${PROVIDER_PATH}`;
  return { http: { endpoint, pollInterval: "2s" } };
}

function resolver(acme: NonNullable<Config["proxy"]["acme"]>): object {
  const { email, caServer, challenge, provider: dns, storage } = acme;
  return {
    [CERTIFICATE_RESOLVER]: {
      acme: {
        email,
        storage,
        keyType: "EC256",
        ...(caServer !== "production" && { caServer: caServer === "staging" ? STAGING : caServer }),
        ...(challenge === "tls-alpn-01" && { tlsChallenge: {} }),
        ...(challenge === "http-01" && { httpChallenge: { entryPoint: ENTRY_POINTS.http } }),
        ...(challenge === "dns-01" && { dnsChallenge: { provider: dns } }),
      },
    },
  };
}

/** Codes and tokens travel in queries and headers; neither is written down. */
function accessLog(): object {
  return {
    format: "json",
    fields: {
      defaultMode: "keep",
      headers: { defaultMode: "drop", names: { "User-Agent": "keep" } },
      queryParameters: { defaultMode: "drop" },
    },
  };
}
