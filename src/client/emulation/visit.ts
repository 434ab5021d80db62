/**
 * One client at one MCP endpoint: what all steps of its visit share.
 */
import type * as oauth from "oauth4webapi";
import type { Web } from "../web.ts";
import type { Emulation } from "./emulation.ts";
import { createWire, type Wire } from "./wire.ts";

/** The steps of a visit, in their order. */
export type Step = "knock" | "discover" | "register" | "authorize" | "token" | "call" | "refresh";

export interface Visit {
  readonly emulation: Emulation;
  readonly endpoint: URL;
  readonly wire: Wire;
  /** Of its loopback listener. */
  readonly port: number;
  readonly document: ServedDocument | undefined;
  /** A step that went well, and what was seen. */
  readonly tell: (step: Step, seen: string) => void;
  /** Clients this visit has registered and may delete again. */
  readonly registered: { uri: string; token: string }[];
}

/** The client's metadata document where the authorization server can fetch it; in a test that is another host. */
export interface ServedDocument {
  url: string;
  /** Signs for the client, where the document names a key. */
  key?: oauth.PrivateKey;
}

export interface VisitOptions {
  emulation: Emulation;
  endpoint: URL;
  web: Web;
  port: number;
  /** Left out, it registers. */
  document?: ServedDocument;
  tell?: Visit["tell"];
  signal?: AbortSignal;
}

export function beginVisit(options: VisitOptions): Visit {
  const { emulation, endpoint, web, port, document, signal } = options;
  return {
    emulation,
    endpoint,
    wire: createWire(web, emulation, signal),
    port,
    document,
    tell: options.tell ?? (() => undefined),
    registered: [],
  };
}

/** Deletes what the visit has registered (RFC 7592 §2.3). @returns how many are left, which end by themselves */
export async function forgetClients({ registered, wire }: Visit): Promise<number> {
  let left = 0;
  for (const { uri, token } of registered.splice(0)) {
    try {
      const headers = { authorization: `Bearer ${token}` };
      const { status } = await wire.ask("DELETE", uri, { headers });
      if (status !== 204) left += 1;
    } catch {
      left += 1;
    }
  }
  return left;
}
