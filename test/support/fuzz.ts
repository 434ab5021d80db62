/**
 * Fuzzing by mutation: valid inputs are cut, spliced, repeated and sprinkled with what parsers stumble over. Cheap enough for
 * a million inputs in a minute; every input follows from one seed, which a failure shows together with the input.
 */
import * as fc from "fast-check";

export interface FuzzTarget {
  /** Valid inputs, or nearly so. */
  corpus: readonly string[];
  /** Pieces of the grammar, to be put anywhere. */
  pieces?: readonly string[];
  /** Inputs. */
  runs: number;
  /** Throws or rejects only with what `isRefusal` allows. */
  parse: (input: string) => unknown;
  isRefusal?: (error: unknown) => boolean;
  /** Most milliseconds for one input. */
  slowest?: number;
}

const SLOWEST = 50; // ms
const CHUNK = 500; // inputs of one seed

const ODD = [
  "\0", "\r\n", "\n", "\t", " ", "\u00a0", "\u2028", "\ufeff", "\ud800", "\udfff", "\u{1f600}", "é", "ä".normalize("NFD"),
  "\u202e", "\u200b", "%", "%00", "%0d%0a", "%2e%2e%2f", "%zz", "%c0%ae", "%ff", "+", "&", "=", ";", ",", ".", "..", "/", "//",
  "\\", "'", '"', "<script>", "{", "}", "[", "]", ":", "@", "#", "?", "*", "-", "_", "~", "`", "$", "|", "^", "0", "-1", "1e999", "9".repeat(30),
  "NaN", "null", "true", "__proto__", "constructor", "toString", "hasOwnProperty", "\x7f", "\x80", "\xff",
]; // prettier-ignore

/** mulberry32 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

export function createMutator(
  { corpus, pieces = [] }: Pick<FuzzTarget, "corpus" | "pieces">,
  seed: number,
): () => string {
  const random = randomFrom(seed);
  const pick = (list: readonly string[]): string => list[random(list.length)] ?? "";
  const vocabulary = [...ODD, ...pieces, ...pieces, ...pieces];

  function change(text: string): string {
    const at = random(text.length + 1);
    const end = Math.min(text.length, at + 1 + random(random(4) === 0 ? 64 : 4));
    const [before, middle, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
    switch (random(9)) {
      case 0:
        return before + after;
      case 1:
        return before + pick(vocabulary) + middle + after;
      case 2:
        return before + pick(vocabulary) + after;
      case 3:
        return before + middle + middle + after;
      case 4:
        return before + String.fromCharCode(random(random(3) === 0 ? 0x10000 : 0x80)) + after;
      case 5: {
        const other = pick(corpus);
        return before + other.slice(random(other.length + 1));
      }
      case 6:
        return before + pick([...vocabulary, middle]).repeat(1 + random(30)) + after;
      case 7:
        return before + middle.toUpperCase() + after.toLowerCase();
      default:
        return before + encodeURIComponent(middle.toWellFormed()) + after;
    }
  }

  return () => {
    let text = pick(corpus);
    for (let times = 1 + random(4); times > 0; times -= 1) text = change(text);
    // Now and then something huge.
    return random(2000) === 0 ? text.repeat(1 + Math.floor(20_000 / (text.length + 1))) : text;
  };
}

/** @throws what fast-check makes of an error that is no refusal, or of an input that takes too long */
export async function fuzz(target: FuzzTarget): Promise<void> {
  const { runs } = target;
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.integer()), async (seed) => {
      const next = createMutator(target, seed);
      for (let done = 0; done < CHUNK; done += 1) await tryOne(target, next());
    }),
    { numRuns: Math.ceil(runs / CHUNK) },
  );
}

/** @throws Error that shows the input */
export async function tryOne(target: FuzzTarget, input: string): Promise<void> {
  const { slowest = SLOWEST } = target;
  if ((await time(target, input)) <= slowest) return;
  // The machine may have been busy; only what is slow every time is slow.
  const again = [await time(target, input), await time(target, input), await time(target, input)];
  const least = Math.min(...again);
  if (least > slowest) throw new Error(`${least.toFixed(0)} ms for ${shown(input)}`);
}

async function time({ parse, isRefusal }: FuzzTarget, input: string): Promise<number> {
  const start = performance.now();
  try {
    const result = parse(input);
    if (result instanceof Promise) await result;
  } catch (error) {
    if (isRefusal?.(error) !== true) {
      throw new Error(`${String(error)} for ${shown(input)}`, { cause: error });
    }
  }
  return performance.now() - start;
}

function shown(input: string): string {
  return `${JSON.stringify(input.slice(0, 500))} of ${input.length} characters`;
}
