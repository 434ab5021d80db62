/**
 * Preloaded into each bridge of the bench: on SIGUSR2 collects garbage and writes how many bytes are alive to the file
 * that LIVE_MEMORY names. What a process occupies says how far its heap has grown once, and shrinks late or never.
 */
import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const file = process.env.LIVE_MEMORY;
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

process.on("SIGUSR2", () => {
  collectGarbage();
  setImmediate(() => {
    collectGarbage(); // what the first one has let go of through finalizers
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(file, String(heapUsed + external));
  });
});
