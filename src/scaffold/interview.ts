/**
 * The questions of `init`, five at most: what was said by flags or in an earlier run is not asked again, and an answer that
 * cannot be is asked for once more, with the reason.
 */
import type { Person } from "../config/granting.ts";
import { EXIT, messageOf, UserError } from "../errors.ts";
import {
  parseAllow,
  parseDomain,
  parseEmail,
  parseIdentity,
  parseStore,
  PROVIDERS,
  type Answers,
  type ChosenService,
} from "./answers.ts";
import { parseServices, type Here } from "./services.ts";
import type { Target } from "./target.ts";

/** What was typed on the command line. */
interface Given {
  readonly domain?: string | undefined;
  readonly identity?: string | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly store?: string | undefined;
  readonly routing?: Answers["routing"] | undefined;
  readonly email?: string | undefined;
}

export interface InterviewOptions {
  readonly given: Given;
  /** Of an earlier run. */
  readonly earlier: Answers | undefined;
  /** Taken from a file. */
  readonly imported: Readonly<Record<string, ChosenService>> | undefined;
  /** Undefined when nobody can be asked. */
  readonly person: Person | undefined;
  /** Take what is usual instead of asking. */
  readonly isQuick: boolean;
  readonly target: Target;
  readonly here: Here;
}

type Draft = { -readonly [Name in keyof Answers]?: Answers[Name] };

interface Question {
  readonly flag: keyof Given;
  readonly answer: keyof Answers;
  readonly text: string;
  /** One line each. */
  readonly help: (draft: Draft) => string;
  /** What an empty answer means. @param provider name of the identity provider */
  readonly usual?: (provider: string | undefined) => string | undefined;
  /** @throws Error with the reason why it cannot be */
  readonly parse: (texts: readonly string[], draft: Draft, options: InterviewOptions) => unknown;
}

const ALLOW_HELP: Readonly<Record<string, string>> & { readonly oidc: string } = {
  github: "Logins, organisations, e-mail addresses: @octocat, github-org:acme, *@example.com",
  accounts: "Everybody with an account, or some of them: accounts:ada accounts:grace",
  oidc: "E-mail addresses and more: ada@example.com, *@example.com, <provider>:<id>, group:<provider>/<group>",
};

const QUESTIONS: readonly Question[] = [
  {
    flag: "domain",
    answer: "domain",
    text: "Domain",
    help: () => "The name people and clients use, such as gw.example.com.",
    parse: ([text = ""]) => parseDomain(text),
  },
  {
    flag: "identity",
    answer: "identity",
    text: "Identity provider",
    help: () =>
      `Who tells which person it is: ${PROVIDERS.join(", ")}, or the URL of an OpenID issuer. Its client ID may follow. accounts are the gateway's own.`,
    usual: () => "github",
    parse: ([text = ""]) => parseIdentity(text),
  },
  {
    flag: "allow",
    answer: "allow",
    text: "Who may come in",
    help: ({ identity }) => ALLOW_HELP[identity!.entry.type] ?? ALLOW_HELP.oidc,
    // Nobody has an account whom the operator did not give one.
    usual: (provider) => (provider === "accounts" ? "accounts:*" : undefined),
    parse: (texts, { identity }) => parseAllow(texts, identity!),
  },
  {
    flag: "service",
    answer: "services",
    text: "Services",
    help: () =>
      "Servers of the catalogue or your own: echo, filesystem folder=/srv/files, notes=node notes.js, search=https://mcp.example.com/mcp",
    usual: () => "echo",
    parse: (texts, _, { target, here }) => parseServices(texts, target, here),
  },
  {
    flag: "store",
    answer: "store",
    text: "Store",
    help: () => "lowdb for one gateway and no other program, redis for several at once.",
    usual: () => "lowdb",
    parse: ([text = ""]) => parseStore(text),
  },
];

/** @throws UserError exit 2 when an answer cannot be, or nobody is there to give those that are missing */
export async function interview(options: InterviewOptions): Promise<Answers> {
  const { given, earlier, imported = {}, person, isQuick } = options;
  const asked = isQuick ? undefined : person;
  if (asked === undefined) refuseMissing(options);
  const draft: Draft = { routing: given.routing ?? earlier?.routing ?? "path" };
  for (const question of QUESTIONS) {
    const { answer } = question;
    const said = saidOf(question, options);
    const value =
      said !== undefined
        ? checked(question, said, draft, options)
        : isKnown(question, options)
          ? earlier?.[answer]
          : asked === undefined
            ? question.parse([question.usual?.(draft.identity?.name) ?? ""], draft, options)
            : await ask(question, draft, options, asked);
    Object.assign(draft, { [answer]: value ?? {} });
  }
  draft.services = { ...draft.services, ...imported };
  draft.email = answered("email", [given.email ?? earlier?.email ?? ""], ([text]) =>
    parseEmail(text || undefined, draft.domain!),
  ) as string;
  return draft as Answers;
}

/** What was typed for it; the rules of an earlier run are looked at again when another provider comes. */
function saidOf(
  { flag, answer }: Question,
  { given, earlier }: InterviewOptions,
): readonly string[] | undefined {
  const said = given[flag];
  if (said !== undefined) return [said].flat();
  return answer === "allow" && given.identity !== undefined ? earlier?.allow : undefined;
}

/** Whether it was answered in an earlier run, or is answered by the file with the servers. */
function isKnown({ answer }: Question, { earlier, imported }: InterviewOptions): boolean {
  return earlier !== undefined || (answer === "services" && imported !== undefined);
}

function refuseMissing(options: InterviewOptions): void {
  const provider = options.given.identity?.trim().toLowerCase();
  const missing = QUESTIONS.filter(
    (question) =>
      saidOf(question, options) === undefined &&
      !isKnown(question, options) &&
      !(options.isQuick && question.usual?.(provider) !== undefined),
  );
  if (missing.length === 0) return;
  const flags = missing.map(({ flag }) => `--${flag}`);
  throw new UserError(
    `${missing.length === 1 ? "One answer is" : `${missing.length} answers are`} missing: ${flags.join(", ")}`,
    {
      hint: options.isQuick
        ? "Nothing is usual there: give them as flags."
        : "Give them as flags; --yes takes what is usual for provider, services and store. In a terminal they are asked.",
      exitCode: EXIT.usage,
    },
  );
}

function checked(
  { flag, parse }: Question,
  said: readonly string[],
  draft: Draft,
  options: InterviewOptions,
): unknown {
  return answered(flag, said, (texts) => parse(texts, draft, options));
}

/** @throws UserError exit 2 when what a flag says cannot be */
function answered(
  flag: string,
  said: readonly string[],
  parse: (texts: readonly string[]) => unknown,
): unknown {
  try {
    return parse(said);
  } catch (cause) {
    throw new UserError(`--${flag} ${said.join(" ")}: ${messageOf(cause)}`, {
      hint: "Give another value; --help shows examples.",
      exitCode: EXIT.usage,
      cause,
    });
  }
}

async function ask(
  { text, help, parse, ...question }: Question,
  draft: Draft,
  options: InterviewOptions,
  person: Person,
): Promise<unknown> {
  const usual = question.usual?.(draft.identity?.name);
  person.tell(`\n${help(draft)}`);
  for (;;) {
    const typed = (await person.ask(`${text}${usual === undefined ? "" : ` [${usual}]`}: `)).trim();
    try {
      return parse([typed === "" && usual !== undefined ? usual : typed], draft, options);
    } catch (error) {
      person.tell(`  ${messageOf(error)}`);
    }
  }
}
