import { describe, expect, it } from "vitest";
import { stylesheetElement } from "../../../../src/server/pages/stylesheet.ts";

const [light = "", dark = ""] = stylesheetElement.toString().split("prefers-color-scheme: dark");

function colour(theme: string, name: string): number[] {
  const hex = new RegExp(`--${name}: #([0-9a-f]{6})`).exec(theme)![1]!;
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}

/** Relative luminance, WCAG 2.2. */
function luminance(channels: number[]): number {
  const [r = 0, g = 0, b = 0] = channels.map((value) =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(theme: string, front: string, back: string): number {
  const [a, b] = [luminance(colour(theme, front)), luminance(colour(theme, back))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

describe.each([
  ["light", light],
  ["dark", dark],
])("the %s colours (WCAG 2.2 §1.4.3, §1.4.11)", (_name, theme) => {
  it.each([
    ["text", "card"],
    ["text", "ground"],
    ["text", "soft"],
    ["quiet", "card"],
    ["quiet", "ground"],
    ["quiet", "tint"],
    ["quiet", "soft"],
    ["accent", "card"],
    ["accent-strong", "card"],
    ["on-accent", "accent"],
    ["on-accent", "accent-strong"],
    ["warn-text", "warn"],
    ["bad-text", "bad"],
  ])("let %s be read on %s", (front, back) => {
    expect(contrast(theme, front, back)).toBeGreaterThanOrEqual(4.5);
  });

  it.each([
    ["edge", "card"],
    ["accent", "ground"],
  ])("let the border %s be seen on %s", (front, back) => {
    expect(contrast(theme, front, back)).toBeGreaterThanOrEqual(3);
  });
});
