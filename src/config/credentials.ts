/**
 * What a service asks of each person who uses it: secrets of that person's own, entered on a page of the gateway. A program
 * gets them in its environment, a server elsewhere in headers.
 */
import { z } from "zod";
import { isGatewayHeader } from "./gateway-headers.ts";
import { isLoopbackHost } from "./values.ts";

const asked = {
  label: z.string().min(1).max(80).describe("What it is called on the page where it is entered."),
  help: z.string().max(500).optional().describe("Where a person finds it."),
  optional: z
    .boolean()
    .default(false)
    .describe("Whether the service can be used without it; else a session waits for it."),
};

/** Of a program, by name of the environment variable. */
export const variableCredentials = z
  .record(
    z.string().regex(/^[A-Za-z_]\w{0,63}$/, "the name of an environment variable"),
    z.strictObject(asked),
  )
  .describe(
    "Secrets that each person enters for themselves, by environment variable of the child.",
  );

/** Of a server elsewhere, by any name. */
export const headerCredentials = z
  .record(
    z.string().regex(/^[A-Za-z_][\w-]{0,63}$/, "letters, digits, _ and -, at most 64"),
    z.strictObject({
      ...asked,
      header: z
        .string()
        .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "a header's name")
        .describe("Header of that person's requests that carries it."),
      format: z
        .string()
        .regex(/^[\x20-\x7e]*$/, "visible characters only")
        .refine((text) => text.split("{value}").length === 2, "must have {value} once")
        .default("{value}")
        .describe("The header's value, such as Bearer {value}."),
    }),
  )
  .describe("Secrets that each person enters for themselves and their requests carry as headers.");

type Asking =
  | { command: string; env: object; warm: number; credentials?: VariableCredentials | undefined }
  | { url: string; headers?: object; credentials?: HeaderCredentials | undefined };
type VariableCredentials = z.output<typeof variableCredentials>;
type HeaderCredentials = z.output<typeof headerCredentials>;

interface Checked {
  publicUrl: string;
  listen: { host: string };
  store: { type: string };
  keys: { encryption?: unknown };
  services: Readonly<Record<string, Asking & { isolation?: string }>>;
}

/** Whoever may set one of these decides which code runs, or where it looks for things. */
const POWERFUL =
  /^(PATH|PATHEXT|HOME|SHELL|USER|LOGNAME|USERPROFILE|TMPDIR|TEMP|TMP|COMSPEC|SYSTEMROOT|IFS|ENV|BASH_ENV|PROMPT_COMMAND|LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|NODE_.*|DENO_.*|BUN_.*|NPM_CONFIG_.*|PYTHON.*|PIP_.*|UV_.*|RUBYOPT|RUBYLIB|GEM_.*|BUNDLE_.*|PERL5?OPT|PERL5?LIB|PERL5DB|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|CLASSPATH|PHPRC|PHP_INI_SCAN_DIR|GIT_(SSH|EXEC|CONFIG|PROXY|EXTERNAL|ASKPASS|EDITOR|PAGER|DIR|TEMPLATE|WORK).*|SSH_ASKPASS|EDITOR|VISUAL|PAGER|BROWSER|OPENSSL_.*|SSL_CERT_.*|CURL_.*|REQUESTS_CA_BUNDLE|XDG_.*|(HTTPS?|ALL|NO|FTP)_PROXY)$/i;

/** Who asks, or where the request came from, is not for a person to say. */
const FOREIGN =
  /^(cookie|forwarded|origin|proxy-.*|referer|via|sec-.*|x-forwarded-.*|x-real-ip|x-auth-.*|x-http-method.*)$/i;

/** @returns what is wrong, each with its place */
export function credentialProblems(config: Checked): { path: string[]; message: string }[] {
  const problems: { path: string[]; message: string }[] = [];
  for (const [name, service] of Object.entries(config.services)) {
    const { credentials = {} } = service;
    if (Object.keys(credentials).length === 0) continue;
    const tell = (path: string[], message: string): void =>
      void problems.push({ path: ["services", name, ...path], message });
    if (service.isolation === "shared") {
      tell(
        ["isolation"],
        "a shared server serves everybody, and credentials belong to one person: use user or session",
      );
    }
    if ("url" in service) checkHeaders(service, tell);
    else checkVariables(service, tell);
  }
  if (problems.length === 0 && asksAnybody(config) && needsSecret(config)) {
    const message = "must be set where services have credentials: it encrypts them in the store";
    problems.push({ path: ["keys", "encryption"], message });
  }
  return problems;
}

type Tell = (path: string[], message: string) => void;

function checkVariables(service: Extract<Asking, { command: string }>, tell: Tell): void {
  if (service.warm > 0) {
    tell(["warm"], "a process started ahead would have nobody's credentials: leave it out");
  }
  for (const name of Object.keys(service.credentials ?? {})) {
    if (POWERFUL.test(name)) {
      tell(["credentials", name], "would let a person decide what the program runs or trusts");
    }
    if (name in service.env) tell(["credentials", name], "is in env, too");
  }
}

function checkHeaders(service: Extract<Asking, { url: string }>, tell: Tell): void {
  const taken = new Set(Object.keys(service.headers ?? {}).map((name) => name.toLowerCase()));
  for (const [name, { header }] of Object.entries(service.credentials ?? {})) {
    const place = ["credentials", name, "header"];
    const lower = header.toLowerCase();
    if (isGatewayHeader(header) || FOREIGN.test(header)) {
      tell(place, "is a header that no person may set");
    }
    if (taken.has(lower)) tell(place, "is there twice: in headers, or in another credential");
    taken.add(lower);
  }
}

function asksAnybody({ services }: Pick<Checked, "services">): boolean {
  return Object.values(services).some(
    ({ credentials = {} }) => Object.keys(credentials).length > 0,
  );
}

/** On one machine alone a file in the state directory does, see server/credential-seal.ts. */
function needsSecret({ publicUrl, store, keys }: Checked): boolean {
  if (keys.encryption !== undefined) return false;
  const isLocal = URL.canParse(publicUrl) && isLoopbackHost(new URL(publicUrl).hostname);
  return !isLocal || store.type !== "lowdb";
}
