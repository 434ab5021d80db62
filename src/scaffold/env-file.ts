/**
 * The file .env: what stands in mcp-gateway.yaml as ${NAME}. Nothing that is there is ever changed; names are added.
 */
export interface Variable {
  readonly name: string;
  /** Empty: somebody has to fill it in. */
  readonly value: string;
  readonly about: string;
}

/** Names that a file of that kind sets. */
export function namesOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/gm)].map(([, name]) => name!),
  );
}

/** Names that are there and have no value. */
export function emptyNamesOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[ \t]*(?:""|'')?[ \t]*$/gm)].map(
      ([, name]) => name!,
    ),
  );
}

/**
 * @param before the file's text, empty where there is none
 * @param quoting whether its reader understands quotes
 * @returns the text with those variables that it lacks, and those of them that cannot be written
 */
export function withVariables(
  before: string,
  variables: readonly Variable[],
  quoting: "quoted" | "literal",
): { text: string; unwritten: string[] } {
  const there = namesOf(before);
  const lines: string[] = [];
  const unwritten: string[] = [];
  for (const { name, value, about } of variables) {
    if (there.has(name)) continue;
    const written = quoting === "quoted" ? quoted(value) : literal(value);
    if (written === undefined) unwritten.push(name);
    lines.push(`# ${about}`, `${name}=${written ?? ""}`, "");
  }
  if (lines.length === 0) return { text: before, unwritten };
  const head = before === "" ? HEAD : `${before.trimEnd()}\n\n`;
  return { text: `${head}${lines.join("\n")}`, unwritten };
}

const HEAD =
  "# Secrets of this deployment. For the gateway's eyes only; keep it out of version control.\n\n";

/** As Docker Compose, systemd and shells read alike. Undefined where they do not. */
function quoted(value: string): string | undefined {
  if (/^[\w./:@%+=,-]*$/.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  return /["$`\\]/.test(value) ? undefined : `"${value}"`;
}

function literal(value: string): string | undefined {
  return /[\r\n]|^\s|\s$/.test(value) ? undefined : value;
}
