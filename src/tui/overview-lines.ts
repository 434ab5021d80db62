/**
 * The overview: traffic of the last minute, what is alive, how the services are, and what happened last.
 */
import { sentenceOf } from "../control/sentence.ts";
import { fit, printable } from "../terminal.ts";
import { nameOf, type GatewayData } from "./gateway-data.ts";
import type { Brush, Tone } from "./paint.ts";
import { toneOfEvent } from "./pane/audit.ts";
import { stateOf, toneOf } from "./pane/services.ts";
import { quantile, ratesOf, series, sparkline, type Rates } from "./traffic.ts";
import { age, memory, milliseconds, timeOfDay } from "./words.ts";

interface Room {
  readonly width: number;
  readonly height: number;
}

const LABEL = 10; // columns
const VALUE = 10;
const INDENT = "  ";

type Cells = readonly (readonly [text: string, width: number, tone?: Tone | undefined])[];

export function overviewLines(
  data: GatewayData,
  now: number,
  { width, height }: Room,
  brush: Brush,
): string[] {
  const line = (cells: Cells): string => {
    let room = width;
    const painted = cells.map(([text, wide, tone]) => {
      const cut = fit(printable(text), Math.max(0, Math.min(wide, room)));
      room -= Math.min(wide, room);
      return brush(tone, cut);
    });
    return painted.join("") + " ".repeat(room);
  };
  const title = (text: string): string => line([[text, width, "title"]]);
  const blank = " ".repeat(width);
  const isRoomy = height >= 24;
  const isTight = height < 14;

  const about = aboutLines(data, now, width).map(line);
  const traffic = trafficLines(data, now, width).map(line);
  const services = serviceLines(data, width).map(line);
  const sections = [
    ...(isTight ? [] : [["Gateway", about] as const]),
    ["Last minute", traffic],
    ["Services", services],
  ] as const;
  const lines = sections.flatMap(([name, some]) => [
    title(name),
    ...some,
    ...(isRoomy ? [blank] : []),
  ]);
  const free = height - lines.length - 1;
  if (free >= 1) {
    lines.push(
      title("Latest"),
      ...data.audit.slice(0, free).map((event) =>
        line([
          [INDENT, 2],
          [timeOfDay(event.at), LABEL, "dim"],
          [event.type, 19, toneOfEvent(event) ?? "accent"],
          [sentenceOf(event, (id) => nameOf(data, id)), width],
        ]),
      ),
    );
  }
  return lines.slice(0, height);
}

function aboutLines({ status, keys, missed }: GatewayData, now: number, width: number): Cells[] {
  if (status === undefined) return [[["  waiting for its first answer", width, "dim"]]];
  const row = (name: string, text: string, tone?: Tone): Cells => [
    [INDENT, 2],
    [name, LABEL, "dim"],
    [text, width, tone],
  ];
  const alive = [
    [status.sessions, "sessions"],
    [status.grants, "grants"],
    [status.accessTokens, "tokens"],
    [status.clients, "clients"],
  ]
    .map(([count, name]) => `${count} ${name}`)
    .join("  ·  ");
  const active = keys?.find(({ state }) => state === "active");
  const until = active?.signsUntil === undefined ? "" : `, for ${age(active.signsUntil, now)} more`;
  return [
    row("address", status.url, "accent"),
    row("process", `${status.pid}, version ${status.version}, up ${age(now, status.startedAt)}`),
    row("alive", alive),
    ...(active ? [row("signing", `key ${active.kid.slice(0, 8)}${until}`)] : []),
    ...(missed > 0 ? [row("missed", `${missed} events`, "warn")] : []),
  ];
}

function trafficLines({ traffic }: GatewayData, now: number, width: number): Cells[] {
  const rates: Rates = ratesOf(traffic, now);
  const wide = Math.max(0, Math.min(60, width - 2 - LABEL - VALUE - 2));
  const draw = (valueOf: Parameters<typeof series>[3]): string =>
    sparkline(series(traffic, now, 60, valueOf).slice(-wide));
  const share = rates.requests === 0 ? 0 : (100 * rates.failures) / rates.requests;
  const at = (part: number) => (second: (typeof traffic)[number]) =>
    quantile(second.durations, part) ?? 0;
  const row = (name: string, value: string, bars: string, tone: Tone): Cells => [
    [INDENT, 2],
    [name, LABEL, "dim"],
    [value, VALUE, "strong"],
    [bars, wide, tone],
  ];
  return [
    row(
      "requests",
      `${rates.perSecond.toFixed(1)}/s`,
      draw((second) => second.requests),
      "accent",
    ),
    row("p50", milliseconds(rates.p50), draw(at(0.5)), "good"),
    row("p95", milliseconds(rates.p95), draw(at(0.95)), "warn"),
    row(
      "failures",
      `${share.toFixed(share > 0 && share < 10 ? 1 : 0)} %`,
      draw((second) => second.failures),
      "bad",
    ),
  ];
}

function serviceLines({ status }: GatewayData, width: number): Cells[] {
  const services = status?.services ?? [];
  const names = Math.min(24, Math.max(LABEL, ...services.map(({ service }) => service.length + 2)));
  return services.map((service) => {
    const { children, memory: bytes, restarts = 0, reason } = service;
    const plural = children.length === 1 ? "process" : "processes";
    const parts = [
      `${children.length} ${plural}`,
      ...(bytes === undefined ? [] : [memory(bytes)]),
      ...(restarts === 0 ? [] : [`${restarts} restarts`]),
    ];
    return [
      [INDENT, 2],
      [service.service, names],
      [stateOf(service), 12, toneOf(service)],
      [reason ?? parts.join("  ·  "), width, reason === undefined ? "dim" : "bad"],
    ];
  });
}
