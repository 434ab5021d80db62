import { defineConfig } from "vitest/config";

/** Projects by question, as CONTRIBUTING explains; the slow ones talk to real processes and get real time. */
const project = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: Math.max(testTimeout, 30_000),
    ...(name === "conformance" && { setupFiles: "test/support/remember-secrets.ts" }),
    // Processes, ports and files are real: one file at a time on a small machine keeps failures readable.
    fileParallelism: name === "unit" || name === "contract",
  },
});

export default defineConfig({
  test: {
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
