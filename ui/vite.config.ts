/// <reference types="vitest/config" />
import lucide from "@iconify-json/lucide/icons.json" with { type: "json" };
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin, type Rolldown } from "vite";

interface IconSet {
  icons: Record<string, { body: string }>;
  aliases?: Record<string, { parent: string }>;
}

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

/**
 * The decoder of messages throws an error, when it is set up, to learn its kind, which only ever differed in an old browser.
 * An error that is thrown there makes Chromium read the whole page's code a second time, for the line numbers.
 */
function decoderWithoutTrial(): Plugin {
  const trial = /(?<=export var DataViewIndexOutOfBoundsError = )\(function \(\) \{.*?^\}\)\(\)/ms;
  return {
    name: "selvedge:decoder-without-trial",
    apply: "build",
    transform: {
      filter: { id: /@msgpack\/msgpack\/.*\/Decoder\./ },
      handler(code) {
        if (!trial.test(code)) this.error("The trial of the decoder is not there any more: remove this plugin, or mend it.");
        return code.replace(trial, "RangeError");
      },
    },
  };
}

/**
 * uPlot asks for the numbers of the browser's language, which is none in a web view of a system without one (`LANG=C`):
 * there, loading it would fail. Without a name, the engine takes a language that it has.
 */
function plotsInAnyLanguage(): Plugin {
  const language = "domEnv ? nav.language : 'en-US'";
  return {
    name: "selvedge:plots-in-any-language",
    apply: "build",
    transform: {
      filter: { id: /uplot\/dist\/uPlot\.esm\.js/ },
      handler(code) {
        if (!code.includes(language)) this.error("uPlot does not ask for the language any more: remove this plugin, or mend it.");
        return code.replace(language, "undefined");
      },
    },
  };
}

/**
 * Writes the icons of Lucide into one file, from which the server answers single icons: a line with its name, a tab and the
 * inner SVG for each, sorted by name. Its license asks for the notice.
 */
function icons(): Plugin {
  return {
    name: "selvedge:icons",
    apply: "build",
    generateBundle() {
      const { icons, aliases = {} } = lucide as IconSet;
      const body = (name: string) => icons[name]?.body ?? "";
      const all = [...Object.keys(icons).map((name) => [name, body(name)]), ...Object.entries(aliases).map(([name, { parent }]) => [name, body(parent)])];
      // By code units, as the server compares them.
      const lines = all.filter(([, svg]) => svg !== "").map(([name, svg]) => `${name}\t${svg}\n`).sort();
      this.emitFile({ type: "asset", fileName: "icons.tsv", source: lines.join("") });
    },
  };
}

/** Puts the script that goes first into the document. The server's content security policy names its hash. */
function earlyScript(): Plugin {
  const place = "<!-- early -->";
  const sources = ["early.ts", "options.ts"].map((name) => join(import.meta.dirname, "src", name));
  return {
    name: "selvedge:early-script",
    apply: "build",
    buildStart() {
      for (const source of sources) this.addWatchFile(source);
    },
    transformIndexHtml: async (html) => {
      if (!html.includes(place)) throw new Error(`index.html lacks ${place}`);
      const built = await build({
        configFile: false,
        logLevel: "warn",
        build: { write: false, target: TARGET, lib: { entry: sources[0] ?? "", formats: ["iife"], name: "early" } },
      });
      const [{ output }] = built as [Rolldown.RolldownOutput];
      return html.replace(place, () => `<script>${output[0].code.trim()}</script>`);
    },
  };
}

/** Names a chunk after the package that it begins with; packages call their files alike. */
function chunkName({ name, moduleIds }: Rolldown.PreRenderedChunk): string {
  return /.*node_modules\/(?:@[^/]+\/)?([^/]+)/.exec(moduleIds.at(-1) ?? "")?.[1] ?? name;
}

const TARGET = ["es2022", "safari16"];

const VUE = {
  __VUE_OPTIONS_API__: true,
  __VUE_PROD_DEVTOOLS__: false,
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
};

/** The page's code for tests of applications, which runs in a JavaScript engine without a document. */
const testing = defineConfig({
  plugins: [readableTemplateErrors(), compressed()],
  publicDir: false,
  resolve: {
    alias: [
      { find: /^vue$/, replacement: join(import.meta.dirname, "src/testing/vue.ts") },
      { find: /^@vue\/(compiler-(?:core|dom)|runtime-core)$/, replacement: "@vue/$1/dist/$1.esm-bundler.js" },
    ],
  },
  define: { ...VUE, "process.env.NODE_ENV": '"production"' },
  build: {
    target: "es2022",
    emptyOutDir: false,
    lib: { entry: "src/testing/main.ts", formats: ["iife"], name: "testing", fileName: () => "testing.js" },
  },
});

const page = defineConfig({
  base: "./",
  plugins: [readableTemplateErrors(), decoderWithoutTrial(), plotsInAnyLanguage(), earlyScript(), icons(), compressed()],
  resolve: {
    alias: [
      // The build of Vue that compiles templates in the page, and its parts for browsers, also in tests.
      { find: /^vue$/, replacement: "vue/dist/vue.esm-bundler.js" },
      { find: /^@vue\/compiler-(core|dom)$/, replacement: "@vue/compiler-$1/dist/compiler-$1.esm-bundler.js" },
    ],
  },
  define: VUE,
  build: {
    target: TARGET,
    // Older engines do not know the direction of an element, and cannot be told by languages.
    cssTarget: ["chrome120", "firefox121", "safari16.4"],
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/page.js",
        chunkFileNames: (chunk) => `assets/${chunkName(chunk)}.js`,
        assetFileNames: "assets/page[extname]",
      },
    },
  },
  test: { environment: "jsdom", include: ["test/**/*.test.ts"], setupFiles: ["test/endings.ts"] },
});

export default defineConfig(({ mode }) => (mode === "testing" ? testing : page));
