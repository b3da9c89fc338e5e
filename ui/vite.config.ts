/// <reference types="vitest/config" />
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Writes a compressed sibling of every file: the server embeds and serves only those. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "selvedge:compressed",
    apply: "build",
    configResolved: (config) => {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle: () => {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name.endsWith(".gz")) continue;
        const file = join(entry.parentPath, entry.name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

/** Keeps the messages of the template compiler in a production build, since templates are compiled in the page. */
function readableTemplateErrors(): Plugin {
  return {
    name: "selvedge:readable-template-errors",
    enforce: "pre",
    apply: "build",
    transform: {
      filter: { id: /@vue\/compiler-(core|dom)\// },
      handler: (code) => code.replaceAll('process.env.NODE_ENV !== "production"', "true"),
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [readableTemplateErrors(), compressed()],
  resolve: {
    alias: [
      // The build of Vue that compiles templates in the page, and its parts for browsers, also in tests.
      { find: /^vue$/, replacement: "vue/dist/vue.esm-bundler.js" },
      { find: /^@vue\/compiler-(core|dom)$/, replacement: "@vue/compiler-$1/dist/compiler-$1.esm-bundler.js" },
    ],
  },
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
  },
  build: {
    target: ["es2022", "safari16"],
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: "assets/page.js",
        assetFileNames: "assets/page[extname]",
      },
    },
  },
  test: { environment: "jsdom", include: ["test/**/*.test.ts"] },
});
