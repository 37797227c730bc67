import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Beside each script and style a .br of it, which the server hands to whoever takes one: 13 % less than gzip. */
const brotli: Plugin = {
  name: "brotli",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle).filter((file) => /\.(js|css)$/.test(file))) {
      const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
      writeFileSync(join(dir, `${name}.br`), brotliCompressSync(readFileSync(join(dir, name)), { params }));
    }
  },
};

/**
 * onnxruntime's WebAssembly, packed (14.2 MB are 3.7 so; the build for a GPU 16.8 and 4.1), for `fischgpt export site`,
 * which puts it beside the model. What Vite copies of it, because a script names it, nobody fetches.
 */
const runtime: Plugin = {
  name: "runtime",
  apply: "build",
  generateBundle(_, bundle) {
    for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
  },
  writeBundle({ dir = "" }) {
    for (const build of ["", ".jspi"]) {
      const file = `node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded${build}.wasm`;
      writeFileSync(join(dir, `onnxruntime${build}.wasm.gz`), gzipSync(readFileSync(file), { level: 9 }));
    }
  },
};

// The bundle goes into the Python package; hatch_build.py runs this and the server serves it.
export default defineConfig({
  plugins: [react(), tailwindcss(), brotli, runtime],
  worker: { format: "es" },
  // A script names others by where it lies itself: a static site may stand in any folder.
  experimental: { renderBuiltUrl: (_, { hostType }) => ({ relative: hostType !== "html" }) },
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
