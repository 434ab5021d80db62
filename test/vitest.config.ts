import { defineConfig } from "vitest/config";

/**
 * One file at a time: a browser draws, the chaos counts what is left of a whole machine, the rehearsal owns ports 80 and 443,
 * the bench measures.
 */
const ALONE = new Set(["browser", "chaos", "rehearsal", "bench"]);

/** Projects by question, as CONTRIBUTING explains; the slow ones talk to real processes and get real time. */
const project = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: Math.max(testTimeout, 30_000),
    ...(name === "conformance" && { setupFiles: "test/support/remember-secrets.ts" }),
    fileParallelism: !ALONE.has(name),
  },
});

export default defineConfig({
  test: {
    // A test waits more than it works; more at once than a small machine has processors would only slow each other.
    maxWorkers: 2,
    projects: [
      project("unit", 10_000),
      project("architecture", 10_000),
      project("contract", 30_000),
      project("conformance", 60_000),
      project("browser", 90_000),
      project("chaos", 300_000),
      project("rehearsal", 120_000),
      project("bench", 600_000),
    ],
  },
});
