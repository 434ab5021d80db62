/**
 * What would change in a text, line by line, for people.
 */
const CONTEXT = 2; // unchanged lines shown around a change
const UNIFIED = 3; // the same in what patch reads

/** Lines that begin with `-` go, those with `+` come, those with a space stay; `...` stands for more that stay. */
export function textDifference(before: string, after: string): string[] {
  const lines = compare(linesOf(before), linesOf(after));
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([sign]) => sign !== " "),
  );
  return lines.flatMap(([sign, line], index) => {
    if (near[index]) return [`${sign} ${line}`.trimEnd()];
    return index === 0 || near[index - 1] ? ["..."] : [];
  });
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

type Line = readonly [sign: " " | "-" | "+", line: string];

/** By the longest common subsequence; configuration files are short. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    Array.from<number>({ length: after.length + 1 }).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push([" ", before[i++]!]);
      j += 1;
    } else if (
      j >= after.length ||
      (i < before.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)
    ) {
      lines.push(["-", before[i++]!]);
    } else {
      lines.push(["+", after[j++]!]);
    }
  }
  return lines;
}

/** As `diff -u` writes it: what `patch` understands. Empty when nothing differs. */
export function unifiedDifference(path: string, before: string, after: string): string[] {
  const lines = compare(linesOf(before), linesOf(after));
  const changes = lines.flatMap(([sign], index) => (sign === " " ? [] : [index]));
  if (changes.length === 0) return [];
  const hunks: [from: number, to: number][] = [];
  for (const at of changes) {
    const [from, to] = [Math.max(0, at - UNIFIED), Math.min(lines.length, at + UNIFIED + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return [
    before === "" ? "--- /dev/null" : `--- a/${path}`,
    `+++ b/${path}`,
    ...hunks.flatMap(([from, to]) => {
      const range = (gone: "-" | "+"): string => {
        const count = (part: readonly Line[]): number =>
          part.filter(([sign]) => sign === " " || sign === gone).length;
        const length = count(lines.slice(from, to));
        return `${count(lines.slice(0, from)) + (length === 0 ? 0 : 1)},${length}`;
      };
      const body = lines.slice(from, to).map(([sign, line]) => `${sign}${line}`);
      return [`@@ -${range("-")} +${range("+")} @@`, ...body];
    }),
  ];
}
