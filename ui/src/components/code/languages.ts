// The languages of <selvedge-code>. Each is loaded when an editor uses it first.

import { StreamLanguage, type StreamParser } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

const ofStream = <T>(parser: StreamParser<T>): Extension => StreamLanguage.define(parser);

const LANGUAGES: Record<string, () => Promise<Extension>> = {
  cpp: async () => (await import("@codemirror/lang-cpp")).cpp(),
  javascript: async () => (await import("@codemirror/lang-javascript")).javascript({ typescript: true }),
  json: async () => (await import("@codemirror/lang-json")).json(),
  python: async () => (await import("@codemirror/lang-python")).python(),
  rust: async () => (await import("@codemirror/lang-rust")).rust(),
  shell: async () => ofStream((await import("@codemirror/legacy-modes/mode/shell")).shell),
  toml: async () => ofStream((await import("@codemirror/legacy-modes/mode/toml")).toml),
  xml: async () => (await import("@codemirror/lang-xml")).xml(),
  yaml: async () => (await import("@codemirror/lang-yaml")).yaml(),
};

/** Returns what an editor needs for a language: nothing if it is not known. */
export async function languageOf(name: string): Promise<Extension> {
  return (await LANGUAGES[name]?.()) ?? [];
}
