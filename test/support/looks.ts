/**
 * The ways a page is looked at: with the colours of day and night, and on a narrow screen.
 */
export const LOOKS = [
  { look: "light", colorScheme: "light", viewport: { width: 1100, height: 900 } },
  { look: "dark", colorScheme: "dark", viewport: { width: 1100, height: 900 } },
  { look: "narrow", colorScheme: "light", viewport: { width: 320, height: 640 } },
] as const;
