/**
 * Values as the dashboard writes them: short, and always the same way.
 */
import { formatDuration } from "../duration.ts";

export function age(now: number, at: number): string {
  return formatDuration(Math.max(0, now - at));
}

/** `12:03:44`, in the time zone of whoever looks. */
export function timeOfDay(at: number): string {
  return new Date(at * 1000).toTimeString().slice(0, 8);
}

export function moment(at: number | undefined): string | undefined {
  if (at === undefined) return undefined;
  const date = new Date(at * 1000);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
  return `${day} ${timeOfDay(at)}`;
}

/** When it was, and how long ago. */
export function since(now: number, at: number): string {
  return `${moment(at)}, ${age(now, at)} ago`;
}

/** When it will be, and in how long. */
export function until(now: number, at: number): string {
  return `${moment(at)}, in ${age(at, now)}`;
}

export function milliseconds(seconds: number | undefined): string {
  if (seconds === undefined) return "-";
  if (seconds >= 100) return formatDuration(seconds);
  if (seconds >= 10) return `${seconds.toFixed(0)} s`;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds * 1000);
  return whole === 0 ? "<1 ms" : `${whole} ms`;
}

export function memory(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  const megabytes = bytes / 1_048_576;
  return megabytes >= 1024 ? `${(megabytes / 1024).toFixed(1)} GB` : `${Math.round(megabytes)} MB`;
}

/** `/files/mcp` of a resource; the whole where it is no URL. */
export function pathOf(uri: string | undefined): string {
  if (uri === undefined) return "";
  return URL.canParse(uri) ? new URL(uri).pathname : uri;
}

export function short(id: string): string {
  return id.slice(0, 8);
}
