/**
 * The embedded store with 10 000 records against the least that any durable store has to do, one append and one fdatasync,
 * and against lowdb as it is. The two sides take turns. Needs `npm run build`.
 *
 *   node test/bench/store.js
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { JSONFilePreset } from "lowdb/node";
import { pino } from "pino";
import { systemClock } from "../../dist/clock.js";
import { openLowdbStore } from "../../dist/server/store/lowdb.js";

const RECORDS = 10_000;
const ROUNDS = 200;

const record = (id) => ({
  tokenId: id,
  grantId: `grant-${id}`,
  clientId: "VcD9GVpXrVMRLfbSmFKXvA",
  subject: "github:583231",
  resource: "https://gw.example.com/files/mcp",
  scopes: ["mcp", "mcp:read"],
  issuedAt: 1_767_225_600,
  expiresAt: 1_767_229_200,
});
const line = `${JSON.stringify(record("0".repeat(22)))}\n`;

/** @returns rows of medians; `ratio` is peer / ours: above 1 we are faster */
export async function bench() {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const context = { clock: systemClock, log: pino({ level: "silent" }) };
  const store = await openLowdbStore({ type: "lowdb", path: join(directory, "state") }, context);
  const file = await open(join(directory, "bare"), "ax");
  const lowdb = await JSONFilePreset(join(directory, "lowdb.json"), {});
  const map = new Map();
  let next = 0;
  const put = () => {
    const id = String(next++).padStart(22, "0");
    return store.put("accessToken", id, record(id), 3600);
  };
  const append = async (lines) => {
    await file.write(lines);
    await file.datasync();
  };
  try {
    await Promise.all(Array.from({ length: RECORDS }, put));
    for (let at = 0; at < RECORDS; at++) {
      const id = String(at).padStart(22, "0");
      map.set(id, (lowdb.data[id] = record(id)));
    }

    const single = await byTurns(ROUNDS, put, () => append(line));
    const many = await byTurns(
      50,
      () => Promise.all(Array.from({ length: 200 }, put)),
      () => append(line.repeat(200)),
    );
    const whole = await byTurns(7, put, () => lowdb.write());

    const read = async (id) => map.get(id);
    const get = await byTurns(
      ROUNDS,
      () => readMany((id) => store.get("accessToken", id)),
      () => readMany(read),
    );

    // Closing takes a snapshot of everything, in the same pieces as while it runs.
    const stall = {
      ours: await measureStall(() => store.close()),
      peer: await measureStall(() => lowdb.write()),
    };
    return {
      name: "store",
      rows: [
        row("one durable write, against bare append + fdatasync", single, "ms"),
        row("200 durable writes at once, against one append + fdatasync of as much", many, "ms"),
        row("one durable write, against lowdb alone (not durable)", whole, "ms"),
        row("1000 reads, against a bare Map behind a promise", get, "ms"),
        row("longest stall of the event loop during a snapshot, against lowdb alone", stall, "ms"),
      ],
    };
  } finally {
    await store.close();
    await file.close();
    rmSync(directory, { recursive: true });
  }
}

async function readMany(get) {
  for (let at = 0; at < 1000; at++) await get(String(at * 7).padStart(22, "0"));
}

/** Medians of the times of both, in milliseconds; after a warm-up. */
async function byTurns(rounds, ours, peer) {
  const times = { ours: [], peer: [] };
  for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
    for (const [name, run] of [["ours", ours], ["peer", peer]]) {
      const start = performance.now();
      await run();
      if (round >= 0) times[name].push(performance.now() - start);
    }
  } // prettier-ignore
  return { ours: median(times.ours), peer: median(times.peer) };
}

/** The longest time, in milliseconds, that nothing else could run while `work` was under way. */
async function measureStall(work) {
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const watch = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  isOver = true;
  return longest;
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function row(what, { ours, peer }, unit) {
  return { what, ours, peer, ratio: peer / ours, unit };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows } = await bench();
  for (const { what, ours, peer, ratio, unit } of rows) {
    console.log(
      `${what}: ${ours.toFixed(3)} ${unit} against ${peer.toFixed(3)} ${unit}, ratio ${ratio.toFixed(2)}`,
    );
  }
}
