/**
 * The log: JSON lines on standard error, pretty when a person looks. Secrets are redacted twice, by the name of the
 * member and by the look of the value, because people paste tokens where nobody expects them.
 */
import { pino, type Logger } from "pino";
import type { Config } from "./config.ts";

export type Log = Logger;

export type LogLevel = Config["log"]["level"];

const SECRET_NAMES = [
  "authorization",
  "cookie",
  "set-cookie",
  "client_secret",
  "clientSecret",
  "code_verifier",
  "access_token",
  "refresh_token",
  "registration_access_token",
  "assertion",
  "client_assertion",
  "password",
  "secret",
  "token",
];

/**
 * Values that look like a secret wherever they stand: JWTs, Bearer and Basic credentials, secrets in a query or form.
 * None may swallow a backslash: the quote it escapes would end the JSON string and let a stranger write members.
 */
const SECRET_PATTERNS: readonly [RegExp, string][] = [
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, "[jwt]"],
  [/\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]{8,}/gi, "$1 [redacted]"],
  [
    /\b(code|code_verifier|state|access_token|refresh_token|token|client_secret|client_assertion|assertion|password)=[^&\s"'\\]+/g,
    "$1=[redacted]",
  ],
];

/** `text` without anything that looks like a secret. */
export function redact(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of SECRET_PATTERNS)
    clean = clean.replaceAll(pattern, replacement);
  return clean;
}

/**
 * @param options.pretty for a person at a terminal; JSON lines otherwise
 * @param options.destination where the lines go, standard error unless a test listens
 */
export async function createLog(options: {
  level: LogLevel;
  pretty: boolean;
  destination?: NodeJS.WritableStream;
}): Promise<Log> {
  const stream = options.destination ?? (options.pretty ? await prettyStream() : process.stderr);
  return pino(
    {
      level: options.level,
      base: null,
      redact: {
        // `code` only at the top: below an error it is the system's word for what went wrong.
        paths: [
          "code",
          ...SECRET_NAMES.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        ],
        censor: "[redacted]",
      },
      hooks: {
        // The finished line is filtered as a whole: no serializer can be forgotten.
        streamWrite: redact,
      },
    },
    stream,
  );
}

/** Loaded only for people: pino-pretty costs start-up time a service manager should not pay. */
async function prettyStream(): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import("pino-pretty");
  return pretty({
    destination: 2,
    sync: true,
    translateTime: "SYS:HH:MM:ss",
    ignore: "pid,hostname",
  });
}
