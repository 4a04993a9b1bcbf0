'use strict';
// Pulsar's API, as far as the package uses it, under its own names and rules.

const Module = require('module');

class Disposable {
  constructor(action) { this.action = action; }

  dispose() { const { action } = this; this.action = null; if (action) action(); }
}

class CompositeDisposable {
  constructor(...items) { this.items = new Set(items); }

  add(...items) { for (const item of items) this.items.add(item); }

  remove(item) { this.items.delete(item); }

  dispose() { const { items } = this; this.items = new Set(); for (const item of items) item.dispose(); }
}

class Emitter {
  constructor() { this.handlers = new Map(); }

  on(name, handler) {
    const all = this.handlers.get(name) || this.handlers.set(name, new Set()).get(name);
    all.add(handler);
    return new Disposable(() => all.delete(handler));
  }

  emit(name, event) { for (const handler of [...(this.handlers.get(name) || [])]) handler(event); }
}

class Point {
  constructor(row, column) { this.row = row; this.column = column; }

  isEqual(other) { return this.row === other.row && this.column === other.column; }
}

class TextEditor {
  constructor({ text = '', path = null, scope = 'source.python' }) {
    TextEditor.number = (TextEditor.number || 0) + 1;
    Object.assign(this, { id: TextEditor.number, text, path, scope, emitter: new Emitter(), overlays: new Set() });
    this.cursor = this.end();
    this.classes = new Set();
    this.element = { classList: { add: (name) => this.classes.add(name), remove: (name) => this.classes.delete(name) } };
  }

  end() { const lines = this.text.split('\n'); return new Point(lines.length - 1, lines[lines.length - 1].length); }

  offset(point) { return this.text.split('\n').slice(0, point.row).reduce((sum, line) => sum + line.length + 1, 0) + point.column; }

  point(offset) { const lines = this.text.slice(0, offset).split('\n'); return new Point(lines.length - 1, lines[lines.length - 1].length); }

  /** Put a text in the place of a range, and say so as a buffer does. */
  replace(start, end, newText) {
    const oldText = this.text.slice(start, end);
    const oldRange = { start: this.point(start), end: this.point(end) };
    this.text = this.text.slice(0, start) + newText + this.text.slice(end);
    this.cursor = this.point(start + newText.length);
    const newRange = { start: oldRange.start, end: this.cursor };
    this.emitter.emit('text', { changes: [{ oldRange, newRange, oldText, newText }] });
    this.emitter.emit('cursor', { textChanged: true });
  }

  insertText(text) { const at = this.offset(this.cursor); this.replace(at, at, text); }

  backspace() { const at = this.offset(this.cursor); this.replace(at - 1, at, ''); }

  setCursorBufferPosition(point) {
    this.cursor = new Point(point.row, point.column);
    this.emitter.emit('cursor', { textChanged: false });
  }

  getCursorBufferPosition() { return this.cursor; }

  getTextInBufferRange([start, end]) { return this.text.slice(this.offset({ row: start[0], column: start[1] }), this.offset(end)); }

  getText() { return this.text; }

  getPath() { return this.path; }

  getGrammar() { return { scopeName: this.scope }; }

  getBuffer() { return { onDidChangeText: (handler) => this.emitter.on('text', handler) }; }

  getElement() { return this.element; }

  hasMultipleCursors() { return false; }

  isMini() { return false; }

  onDidChangeCursorPosition(handler) { return this.emitter.on('cursor', handler); }

  onDidDestroy(handler) { return this.emitter.on('destroy', handler); }

  markBufferPosition() { const marker = { destroy: () => this.overlays.delete(marker) }; return marker; }

  decorateMarker(marker, { item }) { marker.item = item; this.overlays.add(marker); }

  destroy() { this.emitter.emit('destroy'); }

  /** What a person sees behind the cursor. */
  get ghost() { return [...this.overlays].map((marker) => marker.item.textContent).join(''); }
}

function makeAtom(config) {
  const emitter = new Emitter();
  const atom = {
    editors: [],
    commandsByName: new Map(),
    errors: [],
    config: {
      get: (key) => config[key.replace('codling.', '')],
      set: (key, value) => { config[key.replace('codling.', '')] = value; emitter.emit('config'); },
      onDidChange: (_, handler) => emitter.on('config', handler),
    },
    commands: {
      add: (_, commands) => {
        for (const [name, run] of Object.entries(commands)) atom.commandsByName.set(name, run);
        return new Disposable(() => { for (const name of Object.keys(commands)) atom.commandsByName.delete(name); });
      },
    },
    notifications: { addError: (words, options) => atom.errors.push(`${words}: ${options.detail}`) },
    project: { getPaths: () => [] },
    workspace: {
      observeTextEditors: (handler) => { atom.editors.forEach(handler); return emitter.on('editor', handler); },
      getActiveTextEditor: () => atom.editors[atom.editors.length - 1],
    },
    open: (options) => {
      const editor = new TextEditor(options);
      atom.editors.push(editor);
      emitter.emit('editor', editor);
      return editor;
    },
    /** Press a key that is bound to a command; says whether the key was left to others. */
    run: (name) => {
      let passed = false;
      atom.commandsByName.get(name)({ abortKeyBinding: () => { passed = true; } });
      return passed;
    },
  };
  return atom;
}

global.document = { createElement: () => ({ className: '', textContent: '' }) };
const load = Module._load;
Module._load = (name, ...rest) => (name === 'atom' ? { CompositeDisposable, Disposable } : load(name, ...rest));

module.exports = { makeAtom };
