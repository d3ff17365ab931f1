import { defineConfig } from "vitest/config";
import { emojiData } from "./scripts/emoji-data.ts";

export default defineConfig({
  plugins: [emojiData()],
  resolve: { tsconfigPaths: true },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
