/**
 * Colours of the dashboard: few, of the terminal's own sixteen, so that they fit a dark and a light one. Without colours what
 * is selected is still shown inverse, and every state is a word or a sign as well.
 */
import { styleText } from "node:util";

export type Tone = "accent" | "good" | "warn" | "bad" | "dim" | "strong" | "selected" | "title";
export type Brush = (tone: Tone | undefined, text: string) => string;

type Style = Parameters<typeof styleText>[0];

const COLOURED: Readonly<Record<Tone, Style>> = {
  accent: "cyan",
  good: "green",
  warn: "yellow",
  bad: "red",
  dim: "gray",
  strong: "bold",
  selected: ["black", "bgCyan"],
  title: ["bold", "cyan"],
};
const PLAIN: Partial<Readonly<Record<Tone, Style>>> = {
  strong: "bold",
  title: "bold",
  selected: "inverse",
};

export function createBrush(isColoured: boolean): Brush {
  const styles = isColoured ? COLOURED : PLAIN;
  return (tone, text) => {
    const style = tone && styles[tone];
    return style === undefined ? text : styleText(style, text, { validateStream: false });
  };
}
