import { defineConfig } from "vitest/config";

/** Measurements, run by hand: they take minutes, and mean something on a quiet machine only. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ["**/*.measure.ts"], testTimeout: 900_000, hookTimeout: 900_000, fileParallelism: false },
});
