/**
 * URIs of resources against patterns. What is allowed has to fit as it is written; what is denied is denied in every
 * spelling that could lead to the same place.
 */
import { fitsPattern, folded } from "./pattern.ts";
import { hasDotSegment, readingsOf } from "./readings.ts";

/** Whether nobody can read a `.` or `..` between slashes into it: only then a pattern says where it leads. */
export function isPlainUri(uri: string): boolean {
  const readings = readingsOf(uri);
  return readings !== undefined && !readings.some(hasDotSegment);
}

/** A server may cut off query and fragment: what comes after `?` or `#` must not make it fit. */
export function isAllowedUri(pattern: string, uri: string): boolean {
  if (!fitsPattern(pattern, uri)) return false;
  if (/[?#]/.test(pattern) || !pattern.includes("*")) return true;
  if (pattern.endsWith("*")) return fitsPattern(pattern, withoutQuery(uri));
  return readingsOf(uri)?.every((reading) => reading === withoutQuery(reading)) ?? false;
}

/** Every spelling of `uri` that could lead to the same place, to be compared with a canonical pattern. */
export function spellingsOf(uri: string): string[] {
  const all = (readingsOf(uri) ?? [uri]).flatMap((reading) =>
    URL.canParse(reading) ? [reading, new URL(reading).href] : [reading],
  );
  const canonical = all.flatMap((one) => [canonicalUri(one), canonicalUri(withoutQuery(one))]);
  return [...new Set(canonical)];
}

/** In one case and one script, one slash where there may be several, none at the end. */
export function canonicalUri(uri: string): string {
  return folded(uri)
    .replaceAll(/[/\\]+/g, "/")
    .replace(/(?<=.)\/$/, "");
}

function withoutQuery(uri: string): string {
  return uri.replace(/[?#].*$/s, "");
}
