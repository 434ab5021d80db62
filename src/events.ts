/**
 * Facts that happened, in the past tense. The audit log, the metrics and `watch` hang on these. An event carries no wire
 * shape and no secret: a subscriber may print it as it is.
 */
import type { AttemptState, AttemptStep } from "./control/attempts.ts";

export type GatewayEvent = Fact & {
  /** Where it happened, when that was another process that shares our store. */
  replica?: string;
};

type Fact =
  | { type: "gateway.started"; at: number; url: string; version: string }
  | { type: "gateway.stopping"; at: number; reason: string }
  | {
      type: "config.reloaded";
      at: number;
      /** Names of services. */
      added: readonly string[];
      removed: readonly string[];
      changed: readonly string[];
    }
  /** Other replicas can be heard again; what they said meanwhile is lost. */
  | { type: "store.recovered"; at: number }
  | {
      type: "client.registered";
      at: number;
      clientId: string;
      clientName?: string;
      via: "registration" | "command" | "document";
    }
  | {
      type: "account.changed";
      at: number;
      subject: string;
      change: "added" | "reset" | "password set" | "passkey added" | "passkey removed" | "removed";
    }
  | { type: "client.revoked"; at: number; clientId: string; grants: number }
  /** An operator has changed something, or tried to, over the control API. */
  | {
      type: "control.used";
      at: number;
      /** local: the socket, which only the user has whom the gateway runs as. */
      door: "local" | "remote";
      /** Who, and through which client, at the remote door. */
      subject?: string;
      clientId?: string;
      /** A row of the control API: `DELETE /clients/:id`. */
      action: string;
      /** What `:id` stood for, as it was written. */
      target?: string;
      /** HTTP status of the answer. */
      status: number;
    }
  | {
      type: "login.succeeded";
      at: number;
      provider: string;
      subject: string;
      /** Instead of a password. */
      by?: "passkey";
    }
  | {
      type: "login.failed";
      at: number;
      provider: string;
      reason: string;
      /** When it is known who it was. */
      subject?: string;
    }
  | {
      type: "consent.given";
      at: number;
      clientId: string;
      subject: string;
      resource: string;
      scopes: readonly string[];
    }
  /** The same as before, so the person was not asked again. */
  | {
      type: "consent.recalled";
      at: number;
      clientId: string;
      subject: string;
      resource: string;
      scopes: readonly string[];
    }
  | {
      type: "consent.denied";
      at: number;
      clientId: string;
      subject: string;
      resource: string;
      scopes: readonly string[];
    }
  | {
      type: "token.issued";
      at: number;
      clientId: string;
      subject: string;
      grantId: string;
      grantType: string;
      resource: string;
      scopes: readonly string[];
    }
  | { type: "token.revoked"; at: number; clientId: string; grantId: string; tokenId: string }
  | {
      type: "grant.ended";
      at: number;
      grantId: string;
      clientId: string;
      subject: string;
      reason: GrantEnd;
    }
  /** A person has entered, replaced or removed what a service asked for. */
  | { type: "credentials.changed"; at: number; service: string; subject: string }
  | { type: "key.published"; at: number; kid: string; signsFrom: number }
  | {
      type: "key.removed";
      at: number;
      kid: string;
      /** Before the tokens it signed had died: they died with it. */
      isEmergency: boolean;
    }
  | { type: "request.denied"; at: number; status: number; code: string; service?: string }
  /** Somebody asked for something that a service's rules (config/policy.ts) keep from him. */
  | {
      type: "policy.denied";
      at: number;
      service: string;
      clientId: string;
      subject: string;
      method: string;
      /** Tool, prompt or resource it named. */
      target?: string;
      /** What decided: a place in the configuration. */
      rule: string;
    }
  /** A step of a login attempt; not in the audit log, since anybody can make any number of them. */
  | { type: "attempt.noted"; at: number; attempt: string; step: AttemptStep }
  | {
      /** A login attempt came to its end, good or bad; one that goes on after all ends once more. */
      type: "attempt.ended";
      at: number;
      attempt: string;
      state: Exclude<AttemptState, "running">;
      /** Id of the rule that decided, see `mcp-gateway attempt show`. */
      verdict: string;
      clientId?: string;
      resource?: string;
    }
  | {
      type: "request.finished";
      at: number;
      service: string;
      clientId: string;
      subject: string;
      /** JSON-RPC method of the message, when there was exactly one. */
      method?: string;
      /** Tool, prompt or resource it named. */
      target?: string;
      status: number;
      /** Seconds until the response ended. */
      seconds: number;
    }
  | {
      type: "session.opened";
      at: number;
      sessionId: string;
      service: string;
      clientId: string;
      subject: string;
    }
  | { type: "session.ended"; at: number; sessionId: string; service: string; reason: string }
  | { type: "service.started"; at: number; service: string; pid: number }
  | {
      type: "service.exited";
      at: number;
      service: string;
      pid: number;
      exitCode: number | null;
      signal: string | null;
      /** Last lines of standard error, secrets filtered. */
      stderr: string;
    };

/** Why a grant and everything that descends from it died. */
export type GrantEnd =
  | "revoked by client"
  | "revoked by operator"
  | "revoked by person"
  | "client revoked"
  | "code reused"
  | "refresh token reused"
  | "no longer allowed"
  | "account removed";

export interface EventSource {
  /** @returns ends the subscription. */
  subscribe(listener: (event: GatewayEvent) => void): () => void;
}

export interface EventBus extends EventSource {
  /** Tell everybody. Listeners run at once, in order; what one of them throws is its own problem. */
  publish(event: GatewayEvent): void;
}

/**
 * A bus within this process.
 * @param onError told what a listener threw, so that one broken listener is seen and the others still hear
 */
export function createEventBus(onError: (error: unknown) => void): EventBus {
  const listeners = new Set<(event: GatewayEvent) => void>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    publish(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          onError(error);
        }
      }
    },
  };
}
