// A few lines of code as elements: coloured by the grammar, with the matched parts marked.

import type { Language } from "@codemirror/language";
import { classHighlighter, highlightTree } from "@lezer/highlight";
import { el } from "../shell/dom";
import type { Snippet } from "../searchapi";

/** A stretch of one line that looks alike throughout. */
export interface Piece {
  text: string;
  classes: string;
  marked: boolean;
}

export interface Span {
  from: number;
  to: number;
  classes: string;
}

/** Cut a line where colours or marks begin and end. Spans and marks are in order and do not overlap among themselves. */
export function pieces(line: string, spans: Span[], marks: [start: number, end: number][]): Piece[] {
  const cuts = new Set([0, line.length]);
  for (const { from, to } of spans) cuts.add(from).add(to);
  for (const [start, end] of marks) cuts.add(start).add(end);
  const at = [...cuts].filter((cut) => cut >= 0 && cut <= line.length).sort((a, b) => a - b);
  const found: Piece[] = [];
  for (let i = 0; i + 1 < at.length; i++) {
    const [from, to] = [at[i]!, at[i + 1]!];
    const classes = spans.find((span) => span.from <= from && to <= span.to)?.classes ?? "";
    const marked = marks.some(([start, end]) => start <= from && to <= end);
    found.push({ text: line.slice(from, to), classes, marked });
  }
  return found;
}

/** How many blanks or tabs all lines that are not blank begin with. */
export function commonIndent(lines: string[]): number {
  const indents = lines.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length);
  return indents.length > 0 ? Math.min(...indents) : 0;
}

/** A snippet with line numbers, without the indentation that all of it has. */
export function codeOf(snippet: Snippet, grammar: Language | null): HTMLElement {
  const whole = snippet.text.split("\n");
  const indent = commonIndent(whole);
  const lines = whole.map((line) => line.slice(indent));
  const spans = spansOf(lines, grammar);
  const rows = lines.map((line, row) => {
    const marks = snippet.marks
      .filter(([at]) => at === row)
      .map(([, start, end]): [number, number] => [Math.max(0, start - indent), Math.max(0, end - indent)]);
    const code = pieces(line, spans[row] ?? [], marks).map(({ text, classes, marked }) => {
      if (marked) return el("mark", classes ? { class: classes } : {}, text);
      return classes ? el("span", { class: classes }, text) : text;
    });
    const number = el("span", { class: "line-number", "data-line": snippet.line + row });
    return el("span", { class: "line" }, number, ...code, "\n");
  });
  const digits = String(snippet.line + lines.length - 1).length;
  const element = el("pre", { class: "snippet" }, el("code", {}, ...rows));
  element.style.setProperty("--digits", String(digits));
  return element;
}

/** The colours of each line, in its own offsets. */
function spansOf(lines: string[], grammar: Language | null): Span[][] {
  const found: Span[][] = lines.map(() => []);
  if (!grammar) return found;
  const starts: number[] = [];
  lines.reduce((start, line) => (starts.push(start), start + line.length + 1), 0);
  let row = 0;
  highlightTree(grammar.parser.parse(lines.join("\n")), classHighlighter, (from, to, classes) => {
    while (row + 1 < starts.length && starts[row + 1]! <= from) row++;
    for (let at = row; at < lines.length && starts[at]! < to; at++) {
      const start = starts[at]!;
      const span = { from: Math.max(0, from - start), to: Math.min(lines[at]!.length, to - start), classes };
      if (span.to > span.from) found[at]!.push(span);
    }
  });
  return found;
}
