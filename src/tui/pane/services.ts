import type { ServiceStatus } from "../../control/services.ts";
import { describeSandbox } from "../../terminal.ts";
import type { Tone } from "../paint.ts";
import { age, memory, timeOfDay } from "../words.ts";
import type { Pane } from "./pane.ts";

const TONES: Readonly<Record<ServiceStatus["state"], Tone>> = {
  running: "good",
  idle: "dim",
  failing: "bad",
  forwarded: "accent",
};

const SIGNS: Readonly<Record<ServiceStatus["state"], string>> = {
  running: "●",
  idle: "○",
  failing: "✗",
  forwarded: "→",
};

export const stateOf = ({ state }: ServiceStatus): string => `${SIGNS[state]} ${state}`;
export const toneOf = ({ state }: ServiceStatus): Tone => TONES[state];

export const services: Pane<ServiceStatus> = {
  name: "services",
  title: "Services",
  needs: ["status"],
  whenEmpty: "No service is configured.",
  deed: "restart",
  // prettier-ignore
  columns: [
    { title: "SERVICE",   width: 12, yields: 0, grow: 2, value: (row) => row.service },
    { title: "STATE",     width: 11, yields: 0, value: stateOf, tone: toneOf },
    { title: "ERA",       width: 6,  yields: 4, value: (row) => row.era },
    { title: "ISOLATION", width: 9,  yields: 5, value: (row) => row.isolation ?? "-" },
    { title: "SANDBOX",   width: 11, yields: 6, value: (row) => row.sandbox ?? "-" },
    { title: "CHILDREN",  width: 8,  yields: 2, align: "right", value: (row) => `${row.children.length}`, order: (row) => row.children.length },
    { title: "WARM",      width: 4,  yields: 7, align: "right", value: (row) => `${row.warm?.length ?? 0}`, order: (row) => row.warm?.length ?? 0 },
    { title: "MEMORY",    width: 8,  yields: 1, align: "right", value: (row) => memory(row.memory), order: (row) => row.memory ?? 0 },
    { title: "RESTARTS",  width: 8,  yields: 3, align: "right", value: (row) => `${row.restarts ?? 0}`, order: (row) => row.restarts ?? 0, tone: (row) => (row.restarts ? "warn" : undefined) },
  ],
  rows: (data) => data.status?.services,
  idOf: (row) => row.service,
  details: (row, { log }, now) => ({
    fields: [
      ["service", row.service, "accent"],
      ["state", stateOf(row), toneOf(row)],
      ["reason", row.reason, "bad"],
      ["tried again", row.retryAt && row.retryAt > now ? `in ${age(row.retryAt, now)}` : undefined],
      ["address", row.urls.join(" ")],
      ["era", row.era],
      ["isolation", row.isolation],
      ["sandbox", describeSandbox(row.sandbox)],
      ["processes", row.children.join(" ")],
      ["warm", row.warm?.join(" ")],
      ["memory", row.memory === undefined ? undefined : memory(row.memory)],
      ["restarts", `${row.restarts ?? 0}`],
      ["last exit", row.lastExit && `${age(now, row.lastExit.at)} ago: ${row.lastExit.reason}`],
    ],
    lines:
      log?.service === row.service && log.lines.length > 0
        ? [
            ["standard error", "strong"],
            ...log.lines.map(({ at, text }) => [`${timeOfDay(at)} ${text}`, "dim"] as const),
          ]
        : [],
  }),
  deedTo: (row) => ({
    does: "restart service",
    id: row.service,
    question: `Restart ${row.service}? Its ${row.children.length} processes and their sessions end.`,
  }),
};
