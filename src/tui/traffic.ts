/**
 * Requests of the last minute, counted by the second: how many, how many failed, how long they took.
 */
export interface Second {
  readonly at: number;
  readonly requests: number;
  /** Status 400 and above. */
  readonly failures: number;
  /** Seconds, ascending, of those that carried a message; streams last as long as they are wanted. */
  readonly durations: readonly number[];
}

export interface Rates {
  /** Requests in a second, over the last ten of them. */
  readonly perSecond: number;
  /** Of the last minute, as the rest. */
  readonly requests: number;
  readonly failures: number;
  /** Seconds; undefined while there was no request. */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
}

const WINDOW = 60; // seconds
const RECENT = 10; // seconds
const MOST_DURATIONS = 200; // in one second

export function countRequest(
  seconds: readonly Second[],
  request: { at: number; status: number; seconds: number; method?: string },
): readonly Second[] {
  const at = Math.floor(request.at);
  const index = seconds.findLastIndex((second) => second.at <= at);
  const found = seconds[index]?.at === at ? seconds[index] : undefined;
  const before = found ?? { at, requests: 0, failures: 0, durations: [] };
  const { durations } = before;
  const isMeasured = request.method !== undefined && durations.length < MOST_DURATIONS;
  const next = {
    at,
    requests: before.requests + 1,
    failures: before.failures + (request.status >= 400 ? 1 : 0),
    durations: isMeasured ? inserted(durations, request.seconds) : durations,
  };
  const head = seconds.slice(0, found ? index : index + 1);
  return [...head, next, ...seconds.slice(index + 1)].slice(-2 * WINDOW);
}

function inserted(ascending: readonly number[], value: number): number[] {
  return ascending.toSpliced(ascending.findLastIndex((one) => one <= value) + 1, 0, value);
}

let last: { seconds: readonly Second[]; now: number; rates: Rates } | undefined;

/** The last answer is kept: header and overview ask in the same frame. */
export function ratesOf(seconds: readonly Second[], now: number): Rates {
  if (last?.seconds !== seconds || last.now !== now) {
    last = { seconds, now, rates: count(seconds, now) };
  }
  return last.rates;
}

function count(seconds: readonly Second[], now: number): Rates {
  const minute = seconds.filter(({ at }) => at > now - WINDOW - 1);
  const recent = minute.filter(({ at }) => at > now - RECENT - 1);
  const durations = minute.flatMap((second) => second.durations).toSorted((a, b) => a - b);
  return {
    perSecond: sum(recent.map(({ requests }) => requests)) / RECENT,
    requests: sum(minute.map(({ requests }) => requests)),
    failures: sum(minute.map(({ failures }) => failures)),
    p50: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
  };
}

/** One value for each of the last `count` seconds, oldest first. */
export function series(
  seconds: readonly Second[],
  now: number,
  count: number,
  valueOf: (second: Second) => number,
): number[] {
  const end = Math.floor(now);
  const values = new Map(seconds.map((second) => [second.at, valueOf(second)]));
  return Array.from({ length: count }, (_, index) => values.get(end - count + index) ?? 0);
}

/** @param sorted ascending */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const BARS = "▁▂▃▄▅▆▇█";

/** Nothing is a space, so that quiet seconds look quiet. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, Number.MIN_VALUE);
  return values
    .map((value) => (value <= 0 ? " " : BARS[Math.ceil((value / most) * BARS.length) - 1]))
    .join("");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
