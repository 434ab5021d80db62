/**
 * How long an answer may be used again, RFC 9111 §4.2: `max-age`, else `Expires`, less the time it has already spent in caches
 * on the way. What forbids keeping counts as nothing. The caller has bounds of its own around this.
 *
 * @param headers lower-case names
 * @returns seconds, never negative; undefined when the headers do not say
 */
export function freshnessOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): number | undefined {
  const cacheControl = textOf(headers["cache-control"]).toLowerCase();
  if (/(?:^|,)\s*(?:no-store|no-cache)\b/.test(cacheControl)) return 0;
  const age = Number(/^\s*(\d{1,9})\s*$/.exec(textOf(headers["age"]))?.[1] ?? 0);
  const maxAge = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/.exec(cacheControl)?.[1];
  if (maxAge !== undefined) return Math.max(0, Number(maxAge) - age);
  if (headers["expires"] === undefined) return undefined;
  // By the other side's own clock. What cannot be read is in the past (§5.3).
  const life = Date.parse(textOf(headers["expires"])) - Date.parse(textOf(headers["date"]));
  return Number.isNaN(life) ? 0 : Math.max(0, life / 1000 - age);
}

function textOf(header: string | string[] | undefined): string {
  return [header ?? ""].flat().join(",");
}
