/**
 * A password for a command. It comes on standard input, because command lines are visible to every user of the machine.
 */
import { EXIT, UserError } from "../errors.ts";

const LONGEST = 4096; // bytes

/**
 * @returns all there is; a final line break does not count
 * @throws UserError exit 2 when there is nothing or too much
 */
export async function readPassword(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > LONGEST) break;
  }
  const password = Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (password !== "" && length <= LONGEST) return password;
  throw new UserError(
    length > LONGEST ? "That is too long for a password" : "There is no password on standard input",
    {
      hint: "Write it into a file only you can read, and add < FILE",
      exitCode: EXIT.usage,
    },
  );
}
