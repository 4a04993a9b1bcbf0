import { defineConfig } from "vite";

// `npm run dev` serves the page by itself and hands what it asks to a `codling serve` on its default port. That server
// refuses other sites, so the proxy speaks as a program would: without an Origin.
const server = "http://127.0.0.1:8642";
const proxy = {
  target: server,
  changeOrigin: true,
  headers: { "sec-fetch-site": "none" },
  configure: (through: { on(event: "proxyReq", then: (request: { removeHeader(name: string): void }) => void): void }) =>
    through.on("proxyReq", (request) => request.removeHeader("origin")),
};

export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/codling/serve/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0, // the page's content policy allows no data: scripts or fonts
    chunkSizeWarningLimit: 700, // CodeMirror and its Python grammar, in kB
  },
  server: { proxy: { "/api": proxy, "/healthz": proxy } },
});
