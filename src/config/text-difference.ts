/**
 * What would change in a text, line by line, for people.
 */
const CONTEXT = 2; // unchanged lines shown around a change

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
