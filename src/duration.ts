/**
 * Durations as people write them: `30s`, `15m`, `1h`, `30d`.
 */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * @returns seconds
 * @throws RangeError with the value and what would be accepted
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text.trim());
  const seconds = match ? Number(match[1]) * UNITS[match[2]!]! : Number.NaN;
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new RangeError(
      `"${text}" is not a duration; write a positive number and a unit, such as 30s, 15m, 1h or 30d`,
    );
  }
  return seconds;
}

/** `seconds` in the largest unit that keeps it readable: `59s`, `12m`, `5h`, `3d`. Negative values keep their sign. */
export function formatDuration(seconds: number): string {
  const amount = Math.abs(seconds);
  const sign = seconds < 0 ? "-" : "";
  if (amount < 60) return `${sign}${Math.round(amount)}s`;
  if (amount < 3600) return `${sign}${Math.floor(amount / 60)}m`;
  if (amount < 172_800) return `${sign}${Math.floor(amount / 3600)}h`;
  return `${sign}${Math.floor(amount / 86_400)}d`;
}

/** A moment as seen from another, both in seconds since 1970: `3d ago` or `in 12m`. */
export function formatRelative(time: number, now: number): string {
  const seconds = now - time;
  return seconds < 0 ? `in ${formatDuration(-seconds)}` : `${formatDuration(seconds)} ago`;
}
