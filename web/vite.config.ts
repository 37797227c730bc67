import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The bundle goes into the Python package; hatch_build.py runs this and the server serves it.
export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "../src/fischgpt/assets/web",
    emptyOutDir: true,
    assetsInlineLimit: 0,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/v1", "/healthz", "/readyz"].map((path) => [path, "http://127.0.0.1:8000"]),
    ),
  },
});
