/** Revisions with `initialize`, newest first. 2024-11-05 had another transport, but its servers still exist. */
export const LEGACY_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
