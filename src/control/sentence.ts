/**
 * An event in words, for people who read along.
 */
import type { ControlEvent } from "../control.ts";

/** Red for what went wrong, yellow for what took something away or was refused. */
export type Gravity = "plain" | "warning" | "failure";

/** @param nameOf what people call a client */
export function sentenceOf(
  event: ControlEvent,
  nameOf: (clientId: string) => string = (id) => id,
): string {
  switch (event.type) {
    case "gateway.started":
      return `${event.url} has started, version ${event.version}`;
    case "gateway.stopping":
      return `is stopping: ${event.reason}`;
    case "config.reloaded": {
      const { added, removed, changed } = event;
      const parts = [
        ["added", added],
        ["removed", removed],
        ["changed", changed],
      ] as const;
      const said = parts.filter(([, names]) => names.length > 0);
      return said.map(([what, names]) => `${what} ${names.join(", ")}`).join("; ") || "no service";
    }
    case "store.recovered":
      return "other replicas can be heard again";
    case "events.dropped":
      return `${event.events} events were missed`;
    case "client.registered":
      return `${event.clientName ?? event.clientId} by ${event.via}`;
    case "client.revoked":
      return `${nameOf(event.clientId)}, ${event.grants} grants ended`;
    case "account.changed":
      return `${event.subject} ${event.change}`;
    case "control.used":
      return `${event.subject ?? "the owner"}: ${event.action} ${event.target ?? ""} ${event.status}`;
    case "login.succeeded":
      return `${event.subject} at ${event.provider}${event.by ? ` by ${event.by}` : ""}`;
    case "login.failed":
      return `${event.subject ?? "somebody"} at ${event.provider}: ${event.reason}`;
    case "consent.given":
    case "consent.recalled":
    case "consent.denied":
      return `${event.subject} for ${nameOf(event.clientId)}: ${event.scopes.join(" ") || "no scope"}`;
    case "token.issued":
      return `${nameOf(event.clientId)} for ${event.subject} by ${event.grantType}`;
    case "token.revoked":
      return `${nameOf(event.clientId)}, token ${event.tokenId.slice(0, 8)}`;
    case "grant.ended":
      return `${nameOf(event.clientId)} for ${event.subject}: ${event.reason}`;
    case "credentials.changed":
      return `${event.subject} for ${event.service}`;
    case "key.published":
      return `${event.kid.slice(0, 8)}, signs soon`;
    case "key.removed":
      return `${event.kid.slice(0, 8)}${event.isEmergency ? " in an emergency" : ""}`;
    case "request.denied":
      return [event.service, event.status, event.code]
        .filter((part) => part !== undefined)
        .join(" ");
    case "policy.denied":
      return `${event.subject} ${event.method} ${event.target ?? ""}: ${event.rule}`;
    case "attempt.noted":
      return [event.step.what, event.step.status, event.step.error].filter(Boolean).join(" ");
    case "attempt.ended":
      return `${event.state}: ${event.verdict}${event.clientId === undefined ? "" : `, ${nameOf(event.clientId)}`}`;
    case "request.finished": {
      const what = [event.method ?? "stream", event.target].filter(Boolean).join(" ");
      return `${event.service} ${what} ${event.status} ${Math.round(event.seconds * 1000)} ms`;
    }
    case "session.opened":
      return `${event.service} by ${nameOf(event.clientId)} for ${event.subject}`;
    case "session.ended":
      return `${event.service} ${event.sessionId}: ${event.reason}`;
    case "service.started":
      return `${event.service}, process ${event.pid}`;
    default: {
      const how = event.signal ?? `code ${event.exitCode}`;
      return `${event.service}, process ${event.pid}, ${how}`;
    }
  }
}

export function gravityOf(event: ControlEvent): Gravity {
  switch (event.type) {
    case "login.failed":
    case "request.denied":
    case "policy.denied":
    case "consent.denied":
    case "client.revoked":
    case "token.revoked":
    case "grant.ended":
    case "events.dropped":
    case "gateway.stopping":
      return "warning";
    case "service.exited":
      return event.exitCode === 0 || event.signal === "SIGTERM" ? "plain" : "failure";
    case "attempt.ended":
      return event.state === "succeeded" ? "plain" : "failure";
    case "key.removed":
      return event.isEmergency ? "failure" : "plain";
    default:
      return "plain";
  }
}
