/**
 * What may be a password: long enough, and not among the first that anybody would try. No rules about digits and signs, which
 * make passwords worse (NIST SP 800-63B §3.1.1.2).
 */
import type { AccountRecord } from "../store/account-records.ts";

const LONGEST = 200; // characters; the fields of our pages take no more

/** Without the digits and signs people put behind them. */
const WORST: ReadonlySet<string> = new Set(
  (
    "password passwort passwd motdepasse contraseña letmein letmeinplease welcome welcomewelcome admin administrator changeme " +
    "pleasechangeme default secret topsecret mysecretpassword mypassword thisismypassword iloveyou iloveyousomuch " +
    "qwerty qwertyuiop qwertyuiopasdfghjkl qwertzuiop azertyuiop asdfghjkl zxcvbnm qazwsxedcrfv zaqwsxcde " +
    "correcthorsebatterystaple trustnoone opensesame football baseball basketball princess sunshine superman batman starwars " +
    "dragon monkey master shadow michael jennifer computer internet mcpgateway gateway claude chatgpt"
  ).split(" "),
);
const RUNS =
  "01234567890123456789 98765432109876543210 abcdefghijklmnopqrstuvwxyz qwertyuiopasdfghjklzxcvbnm";

/** @returns what is wrong with it, as a sentence for the person; undefined when nothing is */
export function passwordProblem(
  password: string,
  { name, fullName = "", email = "" }: Pick<AccountRecord, "name" | "fullName" | "email">,
  shortest: number,
): string | undefined {
  const { length } = Array.from(password); // code points
  if (length < shortest) return `Use at least ${shortest} characters. A few words are fine.`;
  if (length > LONGEST) return `Use at most ${LONGEST} characters.`;
  const plain = password.toLowerCase();
  const bare = plain.replace(/[^\p{L}]+$/u, "").replaceAll(/[\s_-]+/g, "");
  const own = [name, fullName, email, email.split("@", 1)[0]!].flatMap((text) =>
    text === "" ? [] : [text.toLowerCase(), text.toLowerCase().replaceAll(/[\s_-]+/g, "")],
  );
  if (own.some((text) => text === plain || text === bare || isRepeated(plain, text))) {
    return "That is your name. Choose something nobody can guess from it.";
  }
  const isWorst = WORST.has(bare) || /^(.{1,6}?)\1+$/u.test(plain) || RUNS.includes(plain);
  return isWorst ? "That is one of the first passwords anybody would try." : undefined;
}

function isRepeated(text: string, part: string): boolean {
  return text.replaceAll(part, "") === "";
}
