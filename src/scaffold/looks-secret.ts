/**
 * Whether a value should not stand in a file that people show each other.
 */
const NAME =
  /(?:^|[_-])(?:api_?key|key|token|secret|password|passwd|pass|pwd|pat|credentials?|auth|authorization|cookie|dsn|private)(?:$|[_-])|apikey|accesskey/i;
/** Settings with such a word in their name that say where or how, not what. */
const HARMLESS_NAME =
  /(?:_|-)(?:file|path|dir|url|uri|endpoint|host|name|type|method|mode|ttl|expiry|timeout|limit|id)$/i;
/** Tokens that tell by their beginning whose they are; JSON Web Tokens; PEM. */
const KNOWN =
  /^(?:sk|pk|rk|xox[abprs]|gh[opsur]|glpat|npm|hf|pat|figd|lin_api|ntn|secret|shpat|dop_v1|tvly|fc|BSA|AIza|AKIA|ASIA|SG)[-_.]?[\w-]{8,}|^github_pat_|^eyJ[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i;
const LONG = 24; // characters from which a value of mixed characters is no word

/** @param name of the variable or header */
export function looksSecret(name: string, value: string): boolean {
  if (value === "" || /^\$\{\w+\}$/.test(value)) return false;
  if (URL_WITH_PASSWORD.test(value) || KNOWN.test(value) || isRandom(value)) return true;
  return NAME.test(name) && !HARMLESS_NAME.test(name) && !/^(?:true|false|\d{1,5})$/i.test(value);
}

/** Of an argument: `--api-key=abc` says its name itself. */
export function argumentLooksSecret(word: string, previous = ""): boolean {
  const [, name = "", value = ""] = /^--?([\w-]+)=(.*)$/s.exec(word) ?? [];
  if (name !== "") return looksSecret(name, value);
  if (/^--?[\w-]+$/.test(previous) && looksSecret(previous, word) && !word.startsWith("-"))
    return true;
  return /^Authorization:/i.test(word) || looksSecret("", word);
}

/** Long, without a separator of words or paths, and of several kinds of characters. */
function isRandom(value: string): boolean {
  if (value.length < LONG || !/^[\w+=-]+$/.test(value)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(value)).length;
  const digits = value.replaceAll(/\D/g, "").length;
  return kinds === 3 || (kinds === 2 && digits >= 6);
}
