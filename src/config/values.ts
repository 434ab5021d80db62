/**
 * Values that many members of the configuration have.
 */
import { z } from "zod";
import { parseDuration } from "../duration.ts";

/** A duration such as `15m`; seconds once parsed. Any positive value is accepted. */
export const duration = z
  .string()
  .meta({ examples: ["30s", "15m", "1h", "30d"] })
  .transform((text, context) => {
    try {
      return parseDuration(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

/** A size such as `4mb`; bytes once parsed. */
export const size = z
  .string()
  .regex(/^\d+(b|kb|mb)$/, "write a whole number and a unit, such as 64kb or 4mb")
  .transform((text) => {
    const factor = text.endsWith("mb") ? 1_048_576 : text.endsWith("kb") ? 1024 : 1;
    return Number.parseInt(text, 10) * factor;
  });

export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "127.0.0.1" ||
    hostname === "[::1]" ||
    hostname === "::1"
  );
}

/** https, or http where the host is loopback; nothing else leaves or reaches this program. */
export const secureUrl = z.url().superRefine((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return;
  const isPlainLoopback = url.protocol === "http:" && isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !isPlainLoopback) {
    context.addIssue({ code: "custom", message: "must be https (http only on loopback)" });
  }
  if (url.username || url.password || url.hash) {
    context.addIssue({ code: "custom", message: "must not carry credentials or a fragment" });
  }
});

/** A secret never stands in the file itself. */
export const secretReference = z
  .union([
    z
      .string()
      .regex(/^\$\{[A-Za-z_]\w*\}$/, "write ${NAME}, the environment variable that holds it"),
    z.strictObject({ file: z.string().min(1).describe("A file that holds the secret.") }),
  ])
  .meta({ examples: ["${GATEWAY_SECRET}", { file: "/run/secrets/gateway" }] });

export const positive = z.int().positive();
