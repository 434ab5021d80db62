/**
 * What is known of the gateway, and how an event or an answer changes it. Pure: nothing here asks anybody.
 */
import type {
  AccessTokenSummary,
  ClientSummary,
  GatewayStatus,
  GrantSummary,
  SessionSummary,
  SigningKeySummary,
} from "../control/answers.ts";
import type { Attempt, AttemptSummary } from "../control/attempts.ts";
import type { ServiceLogLine } from "../control/services.ts";
import type { ControlEvent } from "../control.ts";
import { countRequest, type Second } from "./traffic.ts";

export type FinishedRequest = Extract<ControlEvent, { type: "request.finished" }>;
export type AuditEvent = Exclude<ControlEvent, FinishedRequest> & { key: string };

/** Answers of the control API, newest first; absent until somebody looked. */
export interface Answers {
  readonly status?: GatewayStatus;
  readonly sessions?: readonly SessionSummary[];
  readonly grants?: readonly GrantSummary[];
  readonly tokens?: readonly AccessTokenSummary[];
  readonly clients?: readonly ClientSummary[];
  readonly attempts?: readonly AttemptSummary[];
  readonly keys?: readonly SigningKeySummary[];
  /** Of the one that is looked at. */
  readonly attempt?: Attempt;
  readonly log?: { readonly service: string; readonly lines: readonly ServiceLogLine[] };
}

export interface GatewayData extends Answers {
  /** Newest first. */
  readonly requests: readonly FinishedRequest[];
  readonly audit: readonly AuditEvent[];
  readonly traffic: readonly Second[];
  /** What clients call themselves, by client id. */
  readonly names: Readonly<Record<string, string>>;
  /** Events nobody told us. */
  readonly missed: number;
  readonly heard: number;
}

export const NOTHING: GatewayData = {
  requests: [],
  audit: [],
  traffic: [],
  names: {},
  missed: 0,
  heard: 0,
};

const KEPT = 500; // requests, and as many other events

export function withEvents(data: GatewayData, events: readonly ControlEvent[]): GatewayData {
  if (events.length === 0) return data;
  const requests: FinishedRequest[] = [];
  const audit: AuditEvent[] = [];
  const names = { ...data.names };
  let { traffic, missed, heard } = data;
  for (const event of events) {
    heard += 1;
    if (event.type === "request.finished") {
      requests.push(event);
      traffic = countRequest(traffic, event);
      continue;
    }
    if (event.type === "events.dropped") missed += event.events;
    if (event.type === "client.registered" && event.clientName !== undefined) {
      names[event.clientId] = event.clientName;
    }
    // Steps of a login are shown with the login.
    if (event.type !== "attempt.noted") audit.push({ ...event, key: `${heard}` });
  }
  return {
    ...data,
    requests: [...requests.toReversed(), ...data.requests].slice(0, KEPT),
    audit: [...audit.toReversed(), ...data.audit].slice(0, KEPT),
    traffic,
    names,
    missed,
    heard,
  };
}

export function withAnswers(data: GatewayData, answers: Answers): GatewayData {
  const named = [
    ...(answers.clients ?? []).map(({ clientId, name }) => [clientId, name] as const),
    ...(answers.grants ?? []).map(({ clientId, clientName }) => [clientId, clientName] as const),
    ...(answers.tokens ?? []).map(({ clientId, clientName }) => [clientId, clientName] as const),
  ].filter(([, name]) => name !== undefined);
  const names =
    named.length === 0 ? data.names : { ...data.names, ...(Object.fromEntries(named) as object) };
  return { ...data, ...answers, names };
}

/** What people call the client. */
export function nameOf({ names }: GatewayData, clientId: string): string {
  return names[clientId] ?? clientId;
}
