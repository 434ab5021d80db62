#!/usr/bin/env node
/**
 * The program's door. `--version` is answered before anything is loaded; everything else goes to oclif, and every failure
 * comes back here to become one sentence, a next step and an exit code.
 */
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

const [first] = process.argv.slice(2);

if (process.argv.length === 3 && (first === "--version" || first === "-v" || first === "version")) {
  const { name, version } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  process.stdout.write(
    `${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`,
  );
} else if (existsSync(new URL("../dist/command.js", import.meta.url))) {
  await main();
} else {
  process.stderr.write("Error: mcp-gateway has not been built yet\n  Next: npm run build\n");
  process.exitCode = 1;
}

async function main() {
  const { run } = await import("@oclif/core");
  try {
    await run(process.argv.slice(2), import.meta.url);
  } catch (error) {
    const { describeFailure } = await import("../dist/command.js");
    const failure = describeFailure(error);
    if (failure.text !== "") process.stderr.write(`${failure.text}\n`);
    process.exitCode = failure.exitCode;
  }
}
