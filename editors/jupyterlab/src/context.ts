// What the server needs to see: the code of the cells above, the cell's own up to the cursor, and what follows.
//
// Python in notebooks is not all Python: lines for IPython (%magic, !shell, help?) and cells in other languages (%%bash)
// are left out. Prose is left out, too: the models never read comments.

const MAX_PREFIX = 24_000; // UTF-16 units; more tells a small model nothing
const STEP = 8_000; // the start of what is sent moves in steps, so that the server can go on from where it was
const MAX_SUFFIX = 2_000;

/** %%magics whose cells hold Python all the same. */
const PYTHON_CELLS = new Set(['capture', 'debug', 'memit', 'mprun', 'prun', 'px', 'time', 'timeit']);

const IPYTHON_LINE = /^\s*(?:%{1,2}\w|!|\?|(?:\w+(?:\s*,\s*\w+)*\s*=\s*)[!%]\w)|^[^#'"]*\w\?{1,2}\s*$/;
const CELL_MAGIC = /^\s*%%(\w+)/;

export interface Context {
  prefix: string;
  suffix: string;
}

export interface Cell {
  isCode: boolean;
  source: string;
}

/** Where the cursor of a cell stands among the code of its notebook; null where there is no code of its language. */
export function notebookContext(cells: readonly Cell[], active: number, offset: number, language: string): Context | null {
  const cell = cells[active];
  if (!cell?.isCode) return null;
  const plain = language === 'python' ? pythonOf : (source: string): string | null => source;
  const before = plain(cell.source.slice(0, offset));
  if (before === null || (language === 'python' && isIPython(lineAt(cell.source, offset)))) return null;
  const others = (some: readonly Cell[]): string[] =>
    some.flatMap(({ isCode, source }) => (isCode ? [plain(source)?.trim() ?? ''] : [])).filter(Boolean);
  const prefix = [...others(cells.slice(0, active)), before].join('\n\n');
  const after = language === 'python' ? withoutIPython(cell.source.slice(offset), 1) : cell.source.slice(offset);
  return cut({ prefix, suffix: [after, ...others(cells.slice(active + 1))].join('\n\n') });
}

/** The same of a text that stands alone. */
export function textContext(source: string, offset: number): Context {
  return cut({ prefix: source.slice(0, offset), suffix: source.slice(offset) });
}

/** Whether a suggestion may come unasked where this is the rest of the line: not in front of other words. */
export function isAtEnd(suffix: string): boolean {
  return /^[\s)\]}'"`,:;]*$/.test(suffix.slice(0, (suffix + '\n').indexOf('\n')));
}

/** The language of a notebook or file, as models name it; null for none that could have one. */
export function languageOf(mimeType: string): string | null {
  const name = /^(?:text|application)\/(?:x-)?([\w+#-]+)/.exec(mimeType)?.[1];
  if (!name || name === 'plain') return null;
  return name === 'ipython' ? 'python' : name;
}

/** Where a prefix of this length starts to be sent. */
export function windowStart(length: number): number {
  return length <= MAX_PREFIX ? 0 : Math.ceil((length - MAX_PREFIX) / STEP) * STEP;
}

function cut({ prefix, suffix }: Context): Context {
  let start = windowStart(prefix.length);
  if (start > 0) {
    const nextLine = prefix.indexOf('\n', start) + 1;
    if (nextLine > 0 && nextLine < prefix.length) start = nextLine;
  }
  return { prefix: wellFormed(prefix.slice(start)), suffix: wellFormed(suffix.slice(0, MAX_SUFFIX)) };
}

/** A text without halves of surrogate pairs (a cut through an emoji makes them), which have no UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** The Python of a cell; null of a cell in another language. */
function pythonOf(source: string): string | null {
  const magic = CELL_MAGIC.exec(source)?.[1];
  if (magic !== undefined && !PYTHON_CELLS.has(magic)) return null;
  return withoutIPython(source);
}

/** @param from lines before this one are left as they are. */
function withoutIPython(source: string, from = 0): string {
  if (!/[%!?]/.test(source)) return source;
  return source
    .split('\n')
    .filter((line, index) => index < from || !isIPython(line))
    .join('\n');
}

function isIPython(line: string): boolean {
  return IPYTHON_LINE.test(line);
}

function lineAt(source: string, offset: number): string {
  const end = source.indexOf('\n', offset);
  return source.slice(source.lastIndexOf('\n', offset - 1) + 1, end < 0 ? undefined : end);
}
