/**
 * What a pane is: a table of things of one kind, what can be said about one of them, and what can be done to it.
 */
import type { Answers, GatewayData } from "../gateway-data.ts";
import type { Tone } from "../paint.ts";

export type PaneName =
  | "overview"
  | "sessions"
  | "grants"
  | "tokens"
  | "clients"
  | "services"
  | "requests"
  | "logins"
  | "audit";

export interface Column<T> {
  readonly title: string;
  /** Columns of the terminal it has at least. */
  readonly width: number;
  /** Its part of what is left over. */
  readonly grow?: number;
  /** The higher, the earlier it gives way on a narrow terminal; 0 stays. */
  readonly yields: number;
  readonly align?: "right";
  value(row: T, data: GatewayData, now: number): string;
  tone?(row: T, data: GatewayData): Tone | undefined;
  /** Instead of the text, to sort by. */
  order?(row: T, data: GatewayData): number;
}

type Field = readonly [name: string, value: string | undefined, tone?: Tone | undefined];

export interface Details {
  readonly fields: readonly Field[];
  /** Below them, each cut at the edge. */
  readonly lines?: readonly (readonly [text: string, tone?: Tone | undefined])[];
}

/** What can be done to a thing. */
export interface Deed {
  readonly does:
    | "end session"
    | "revoke grant"
    | "revoke token"
    | "revoke client"
    | "restart service";
  readonly id: string;
  /** What exactly will end. */
  readonly question: string;
}

export interface Pane<T = unknown> {
  readonly name: PaneName;
  readonly title: string;
  readonly columns: readonly Column<T>[];
  /** Answers it needs. */
  readonly needs: readonly (keyof Answers)[];
  readonly whenEmpty: string;
  /** What `x` is called in the line of keys. */
  readonly deed?: string;
  /** undefined until the gateway has answered. */
  rows(data: GatewayData): readonly T[] | undefined;
  idOf(row: T): string;
  details(row: T, data: GatewayData, now: number): Details;
  deedTo?(row: T, data: GatewayData): Deed | undefined;
}
