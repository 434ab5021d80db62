import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createStore } from "../../src/server/store/index.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { describeStore } from "./store-contract.ts";

describeStore("lowdb", async () => {
  const path = mkdtempSync(join(tmpdir(), "gateway-store-"));
  const clock = createFakeClock();
  const open = () =>
    createStore({ type: "lowdb", path }, { clock, log: pino({ level: "silent" }) });
  let current = await open();
  return {
    store: current,
    advance: async (seconds) => clock.advance(seconds),
    async reopen() {
      await current.close();
      return (current = await open());
    },
    async dispose() {
      await current.close();
      rmSync(path, { recursive: true });
    },
  };
});
