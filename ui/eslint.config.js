import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Edits of the state never fail, and few wait until they have arrived.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "file", name: ["set", "update"], path: "src/state.ts" }] },
      ],
      "no-restricted-globals": ["error", "ipc"],
      // The desktop window defines `ipc` once and for all: a second binding of that name stops the page.
      "no-restricted-syntax": ["error", { selector: "Program > * > VariableDeclarator[id.name='ipc']", message: "The desktop window owns the name ipc." }],
    },
  },
);
