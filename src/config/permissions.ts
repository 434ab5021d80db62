/**
 * What a program behind the gateway may reach. Nothing is allowed that is not named.
 */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";

const paths = z.array(z.string().min(1)).default([]);

const named = z.strictObject({
  env: z
    .array(z.string().regex(/^[A-Za-z_]\w*$/, "the name of an environment variable"))
    .default([])
    .describe("Variables of the gateway's own environment that it gets, by name."),
  read: paths.describe("Files and folders it may read, besides the system's programs and its own."),
  write: paths.describe("Files and folders it may change."),
  net: z
    .boolean()
    .default(false)
    .describe("Whether it may use the network: all of it, loopback included, or none."),
  run: z
    .array(z.string().min(1))
    .default([])
    .describe("Programs it may start, by name or path, confined like itself; * allows all."),
});

export const permissions = z
  .union([z.literal("all"), named])
  .describe(
    "What the program may reach: nothing that is not named here. The word all confines it in nothing but its environment.",
  );

export type Permissions = z.output<typeof named>;

/** For a program that says nothing about what it may reach. */
export const NO_PERMISSIONS: Permissions = { env: [], read: [], write: [], net: false, run: [] };

/** What holds a program to its permissions: walls of the kernel, a seat belt of Node, or nothing but the list of variables. */
export type SandboxTier = "bubblewrap" | "node" | "environment";

/** Relative paths mean: relative to `base`; `~` is the home of whoever runs the gateway. */
export function resolvePermissions(given: Permissions, base: string): Permissions {
  const absolute = (path: string): string =>
    resolve(
      base,
      path.replace(/^~(?=\/|$)/, () => homedir()),
    );
  return {
    ...given,
    read: given.read.map(absolute),
    write: given.write.map(absolute),
    run: given.run.map((program) => (program.includes("/") ? absolute(program) : program)),
  };
}
