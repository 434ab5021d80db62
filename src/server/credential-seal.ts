/**
 * What encrypts people's credentials: the operator's secret, or where the gateway is for this machine alone (config/
 * credentials.ts sees to that) one that is made at its first use and lies beside the store, readable by its owner only.
 */
import { join } from "node:path";
import type { Config } from "../config.ts";
import { readFileIfAny, replaceFile } from "../files/private-file.ts";
import { randomToken } from "../random.ts";
import { resolveSecret } from "../secret.ts";
import { createSeal, type Seal } from "./seal.ts";

const FILE = "credentials.key";

/** @returns makes it at its first use. @throws UserError when the secret is missing or too short */
export function credentialSeal(config: Pick<Config, "keys" | "store">): () => Promise<Seal> {
  const { encryption } = config.keys;
  if (encryption !== undefined) {
    const [first, ...older] = [encryption]
      .flat()
      .map((one) => resolveSecret(one, "keys.encryption"));
    const seal = createSeal([first!, ...older]);
    return () => Promise.resolve(seal);
  }
  let made: Promise<Seal> | undefined;
  return () => (made ??= ownSecret(join(config.store.path, FILE)).then((one) => createSeal([one])));
}

async function ownSecret(file: string): Promise<string> {
  const found = await readFileIfAny(file);
  if (found) return found.toString("utf8").trim();
  const secret = randomToken();
  await replaceFile(file, [`${secret}\n`]);
  return secret;
}
