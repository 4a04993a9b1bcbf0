// A file of the index, read only: scrolled to the lines that the address names, with those lines lit.

import { syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, RangeSetBuilder, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, highlightSpecialChars, lineNumbers, type DecorationSet } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { Refused } from "../api";
import { readFile, type Place, type SourceFile } from "../searchapi";
import { el } from "../shell/dom";
import { grammarFor } from "./grammars";
import type { Lines } from "./state";

export interface ViewerEvents {
  /** A line was chosen in the file that is shown. */
  onLines(lines: Lines): void;
  onRelated(place: Place): void;
  onDefinition(name: string): void;
  onClose(): void;
}

const light = StateEffect.define<{ first: number; last: number }>();
const lit = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(lines, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(light)) continue;
      const built = new RangeSetBuilder<Decoration>();
      const { doc } = transaction.state;
      for (let number = effect.value.first; number <= Math.min(effect.value.last, doc.lines); number++) {
        const from = doc.line(number).from;
        built.add(from, from, Decoration.line({ class: "lit" }));
      }
      return built.finish();
    }
    return lines;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export class Viewer {
  private readonly title = el("h2", { class: "viewer-title", tabindex: "-1" });
  private readonly units = el("select", { "aria-label": "Go to a definition in this file" });
  private readonly copied = el("span", { class: "unseen", role: "status" });
  private readonly place = el("div", { class: "viewer-code" });
  private readonly grammar = new Compartment();
  private readonly view: EditorView;
  private file: SourceFile | undefined;
  private lines: Lines | undefined;
  private running: AbortController | undefined;
  readonly element: HTMLElement;

  constructor(private readonly events: ViewerEvents) {
    const button = (label: string, run: () => void): HTMLElement =>
      el("button", { type: "button", class: "action", onclick: run }, label);
    const copy = button("Copy link", () => void this.copyLink(copy));
    this.element = el(
      "section",
      { class: "viewer", "aria-label": "File" },
      el(
        "div",
        { class: "viewer-head" },
        el("button", { type: "button", class: "action viewer-back", onclick: () => events.onClose() }, "← Hits"),
        this.title,
        el(
          "div",
          { class: "viewer-actions" },
          this.units,
          button("Related code", () => this.lines && events.onRelated(this.lines)),
          copy,
          el("button", { type: "button", class: "action viewer-close", "aria-label": "Close the file", onclick: () => events.onClose() }, "✕"),
          this.copied,
        ),
      ),
      this.place,
    );
    this.units.addEventListener("change", () => this.chooseUnit(Number(this.units.value)));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      events.onClose();
    });
    this.view = new EditorView({ parent: this.place, state: EditorState.create({ extensions: this.extensions() }) });
    this.element.hidden = true;
  }

  /** Show lines of a file. A file that is shown already only moves. */
  async show(lines: Lines): Promise<void> {
    this.running?.abort();
    this.element.hidden = false;
    this.lines = lines;
    if (this.file && this.file.path === lines.path && this.file.repo === lines.repo) {
      this.goTo(lines);
      return;
    }
    const running = (this.running = new AbortController());
    this.element.setAttribute("aria-busy", "true");
    try {
      const file = await readFile(lines.repo, lines.path, running.signal);
      if (running.signal.aborted) return;
      this.fill(file);
      this.goTo(this.lines);
    } catch (error) {
      if (!running.signal.aborted) this.fail(lines, error);
    } finally {
      if (this.running === running) this.element.removeAttribute("aria-busy");
    }
  }

  hide(): void {
    this.running?.abort();
    this.element.hidden = true;
    this.lines = undefined;
  }

  /** The index has changed: what is shown may be old. */
  async refresh(): Promise<void> {
    if (this.element.hidden || !this.file || !this.lines) return;
    try {
      const file = await readFile(this.file.repo, this.file.path, AbortSignal.timeout(10_000));
      if (file.text !== this.file.text && file.path === this.lines?.path) this.fill(file);
    } catch {
      // it stays as it is
    }
  }

  focus(): void {
    this.title.focus();
  }

  private extensions(): Extension {
    const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
    return [
      EditorView.cspNonce.of(nonce),
      lineNumbers({
        domEventHandlers: {
          click: (view, block, event) => {
            this.chooseLine(view.state.doc.lineAt(block.from).number, (event as MouseEvent).shiftKey);
            return true;
          },
        },
      }),
      highlightSpecialChars(),
      lit,
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorView.contentAttributes.of({ tabindex: "0", "aria-label": "Code of the file" }),
      EditorView.domEventHandlers({
        mousedown: (event, view) => {
          if (!(event.ctrlKey || event.metaKey)) return false;
          const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
          const word = at === null ? null : view.state.wordAt(at);
          if (word) this.events.onDefinition(view.state.sliceDoc(word.from, word.to));
          return word !== null;
        },
      }),
      syntaxHighlighting(classHighlighter),
      this.grammar.of([]),
    ];
  }

  private fill(file: SourceFile): void {
    this.file = file;
    this.view.setState(EditorState.create({ doc: file.text, extensions: this.extensions() }));
    void grammarFor(file.language, file.path).then((grammar) => {
      if (grammar && this.file === file) this.view.dispatch({ effects: this.grammar.reconfigure(grammar) });
    });
    const named = file.units.map((unit, i) => ({ unit, i })).filter(({ unit }) => unit.name && unit.kind !== "module");
    this.units.hidden = named.length < 2;
    this.units.replaceChildren(
      el("option", { value: "-1" }, "Go to…"),
      ...named.map(({ unit, i }) => el("option", { value: i }, `${unit.qualified_name}  :${unit.line}`)),
    );
  }

  private fail(lines: Lines, error: unknown): void {
    this.file = undefined;
    this.title.replaceChildren(lines.path);
    this.units.hidden = true;
    const words =
      error instanceof Refused && error.status === 404
        ? `${lines.path} is not in the index: it may have been moved or deleted, or .gitignore leaves it out.`
        : error instanceof Refused
          ? error.message
          : "The server does not answer.";
    this.view.setState(EditorState.create({ doc: words, extensions: [EditorView.editable.of(false), EditorView.lineWrapping] }));
  }

  private goTo(lines: Lines): void {
    const { doc } = this.view.state;
    const first = Math.min(lines.line, doc.lines);
    const last = Math.min(Math.max(lines.endLine ?? first, first), doc.lines);
    this.title.replaceChildren(el("bdi", {}, lines.path), el("span", { class: "faint" }, `:${first}${last > first ? `–${last}` : ""}`));
    this.title.title = `${lines.repo} / ${lines.path}`;
    this.units.value = "-1";
    this.view.dispatch({
      effects: [light.of({ first, last }), EditorView.scrollIntoView(doc.line(first).from, { y: "start", yMargin: 72 })],
    });
  }

  private chooseLine(line: number, extend: boolean): void {
    if (!this.lines || !this.file) return;
    const { repo, path, line: from } = this.lines;
    const chosen: Lines = extend && line !== from ? { repo, path, line: Math.min(from, line), endLine: Math.max(from, line) } : { repo, path, line };
    this.lines = chosen;
    const { line: first, endLine: last = first } = chosen;
    this.view.dispatch({ effects: light.of({ first, last }) });
    this.title.lastElementChild?.replaceChildren(`:${first}${last > first ? `–${last}` : ""}`);
    this.events.onLines(chosen);
  }

  private chooseUnit(index: number): void {
    const unit = this.file?.units[index];
    if (!unit || !this.lines) return;
    this.lines = { repo: this.lines.repo, path: this.lines.path, line: unit.line, endLine: unit.end_line };
    this.goTo(this.lines);
    this.events.onLines(this.lines);
  }

  private async copyLink(button: HTMLElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(location.href);
      this.say(button, "Copied");
    } catch {
      this.say(button, "Copy it from the address bar"); // no clipboard without a secure context
    }
  }

  private say(button: HTMLElement, text: string): void {
    this.copied.textContent = text;
    button.textContent = text;
    setTimeout(() => {
      button.textContent = "Copy link";
      this.copied.textContent = "";
    }, 2000);
  }
}
