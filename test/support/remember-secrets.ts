/** Set-up of the conformance project: what the code under test draws is looked for in what it writes (drawn-secrets.ts). */
import { vi } from "vitest";
import type * as Random from "../../src/random.ts";

vi.mock("../../src/random.ts", async (importOriginal) => {
  const real = await importOriginal<typeof Random>();
  const { remember } = await import("./drawn-secrets.ts");
  return {
    ...real,
    randomToken: () => remember(real.randomToken()),
    deriveToken: (secret: string, info: string) => remember(real.deriveToken(secret, info)),
  };
});
