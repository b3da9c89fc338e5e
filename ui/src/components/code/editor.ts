// The editor of <selvedge-code>: CodeMirror, with the colors of the page.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Text, Transaction } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { languageOf } from "./languages";

export interface Problem {
  /** The line, which begins with 1. */
  line: number;
  /** The first column, which begins with 1; without one, the whole line is marked. */
  column?: number;
  message: string;
  level?: "error" | "warning" | "info";
}

interface Events {
  typed: (text: string) => void;
  left: () => void;
  save: (text: string) => void;
}

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: "var(--sv-series-7)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--sv-series-4)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--sv-series-2)" },
  { tag: [tags.comment, tags.meta], color: "var(--sv-quiet)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.macroName, tags.definition(tags.function(tags.variableName))], color: "var(--sv-series-3)" },
  { tag: [tags.typeName, tags.className, tags.tagName, tags.namespace], color: "var(--sv-series-5)" },
  { tag: [tags.propertyName, tags.attributeName, tags.definition(tags.propertyName)], color: "var(--sv-series-6)" },
  { tag: tags.invalid, color: "var(--sv-danger)" },
]);

export class Editor {
  private readonly view: EditorView;
  private readonly language = new Compartment();
  private readonly fixed = new Compartment();
  private wanted = "";

  constructor(parent: HTMLElement, text: string, words: Record<string, string | undefined>, events: Events) {
    const named = Object.fromEntries(Object.entries(words).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const textOf = (state: EditorState) => state.doc.toString();
    const onSave = {
      key: "Mod-s",
      preventDefault: true,
      run: ({ state }: EditorView) => {
        events.save(textOf(state));
        return true;
      },
    };
    const extensions = [
      lineNumbers(),
      lintGutter(),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of("    "),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      syntaxHighlighting(COLORS),
      keymap.of([onSave, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, indentWithTab]),
      EditorView.contentAttributes.of({ ...named, tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        const isOwn = update.transactions.some((one) => one.annotation(Transaction.remote));
        if (update.docChanged && !isOwn) events.typed(textOf(update.state));
        if (update.focusChanged && !update.view.hasFocus) events.left();
      }),
      this.language.of([]),
      this.fixed.of([]),
    ];
    this.view = new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) });
  }

  /** Shows another text. The cursor and the history of what did not change stay. */
  show(text: string): void {
    const { doc } = this.view.state;
    const now = doc.toString();
    const [least, most] = now.length < text.length ? [now, text] : [text, now];
    let head = 0;
    while (head < least.length && least[head] === most[head]) head += 1;
    let tail = 0;
    while (tail < least.length - head && least[least.length - 1 - tail] === most[most.length - 1 - tail]) tail += 1;
    this.view.dispatch({
      changes: { from: head, to: now.length - tail, insert: text.slice(head, text.length - tail) },
      annotations: [Transaction.remote.of(true), Transaction.addToHistory.of(false)],
    });
  }

  /** Makes the text read-only, or not. */
  fix(isFixed: boolean): void {
    this.view.dispatch({ effects: this.fixed.reconfigure(isFixed ? [EditorState.readOnly.of(true)] : []) });
  }

  /** Marks what is wrong. Lines that the text does not have are left out. */
  point(problems: Problem[]): void {
    const { doc } = this.view.state;
    const marks = problems.filter(({ line }) => line >= 1 && line <= doc.lines).map((problem) => markOf(problem, doc));
    this.view.dispatch(setDiagnostics(this.view.state, marks));
  }

  /** Loads and uses the colors of a language. */
  async speak(language: string): Promise<void> {
    this.wanted = language;
    const found = await languageOf(language);
    if (this.wanted === language) this.view.dispatch({ effects: this.language.reconfigure(found) });
  }

  end(): void {
    this.view.destroy();
  }
}

function markOf({ line, column, message, level = "error" }: Problem, doc: Text): Diagnostic {
  const { from, to } = doc.line(line);
  return { from: Math.min(from + (column ?? 1) - 1, to), to, severity: level, message };
}
