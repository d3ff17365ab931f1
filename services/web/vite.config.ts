import tailwindcss from "@tailwindcss/vite";
import { tanstackStart } from "@tanstack/react-start/plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { emojiData } from "./scripts/emoji-data.ts";
import { withoutSerialiser } from "./scripts/without-serialiser.ts";

// Where the development server finds Natter: its API and its WebSocket.
const natter = process.env.NATTER_DEV_SERVER ?? "http://localhost:8080";
const api = ["/auth", "/chat", "/admin", "/files", "/docs", "/ws", "/.well-known"];

export default defineConfig({
  resolve: { tsconfigPaths: true },
  server: {
    port: 3000,
    proxy: Object.fromEntries(api.map((path) => [path, { target: natter, ws: path === "/ws" }])),
  },
  // Scripts find each other relative to themselves: they may come from a CDN (NATTER_WEB_ASSETS_URL).
  experimental: { renderBuiltUrl: (_, { hostType }) => (hostType === "js" ? { relative: true } : undefined) },
  environments: { client: { build: { outDir: "build/client", manifest: true } }, ssr: { build: { outDir: "build/server" } } },
  plugins: [
    emojiData(),
    withoutSerialiser(),
    tailwindcss(),
    tanstackStart({
      spa: { enabled: true, prerender: { outputPath: "index.html" } },
      // There is no server but the build, which renders the shell: nothing of *.client.ts is called there.
      importProtection: { enabled: false },
    }),
    react(),
  ],
});
