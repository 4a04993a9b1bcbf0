'use strict';
// The texts that are open, as the server knows them, and what it is asked about them.

const { pathToFileURL } = require('url');
const Connection = require('./connection');

const LANGUAGES = { 'source.python': 'python', 'source.java': 'java', 'source.js': 'javascript', 'source.ts': 'typescript' };

/** The protocol's language id of an editor. */
function languageOf(editor) {
  const scope = editor.getGrammar().scopeName;
  return LANGUAGES[scope] || scope.split('.').pop();
}

const position = (point) => ({ line: point.row, character: point.column }); // both count UTF-16 units

class Session {
  constructor({ command, folders, settings, onEnd, env }) {
    this.editors = new Map();
    this.folders = folders;
    this.settings = settings;
    this.connection = new Connection({ command, env, onEnd, onStart: (connection) => this.open(connection) });
  }

  async open(connection) {
    await connection.request('initialize', {
      processId: process.pid,
      clientInfo: { name: 'Pulsar' },
      rootUri: null,
      capabilities: { general: { positionEncodings: ['utf-16'] } },
      workspaceFolders: this.folders.map((folder) => ({ uri: pathToFileURL(folder).href, name: folder })),
      initializationOptions: this.settings,
    }).answer;
    connection.notify('initialized', {});
    for (const [editor, text] of this.editors) this.tellOpen(connection, editor, text);
  }

  tellOpen(connection, editor, text) {
    text.version = 1;
    const item = { uri: text.uri, languageId: languageOf(editor), version: 1, text: editor.getText() };
    connection.notify('textDocument/didOpen', { textDocument: item });
    text.isOpen = true;
  }

  /** Follow an editor's text until the disposable that is returned is disposed. */
  add(editor) {
    const path = editor.getPath();
    const text = { uri: path ? pathToFileURL(path).href : `untitled:${editor.id}`, version: 0, isOpen: false };
    this.editors.set(editor, text);
    this.connection.ready.then(() => {
      if (this.editors.has(editor) && !text.isOpen) this.tellOpen(this.connection, editor, text);
    }, () => {});
    const changes = editor.getBuffer().onDidChangeText((event) => this.changed(text, event.changes));
    return {
      dispose: () => {
        changes.dispose();
        this.editors.delete(editor);
        this.connection.notify('textDocument/didClose', { textDocument: { uri: text.uri } });
      },
    };
  }

  changed(text, changes) {
    if (!text.isOpen) return;
    text.version += 1;
    // The last first: so that each range is the one that it was before all of them.
    const contentChanges = [...changes].reverse().map(({ oldRange, newText }) => ({
      range: { start: position(oldRange.start), end: position(oldRange.end) },
      text: newText,
    }));
    const textDocument = { uri: text.uri, version: text.version };
    this.connection.notify('textDocument/didChange', { textDocument, contentChanges });
  }

  /** @returns {{ answer: Promise<any>, cancel: () => void }} */
  ask(method, editor, point, more) {
    const text = this.editors.get(editor);
    if (!text || !text.isOpen) return { answer: Promise.resolve(null), cancel() {} };
    return this.connection.request(method, { textDocument: { uri: text.uri }, position: position(point), ...more });
  }

  accepted(command) {
    if (command) {
      const { command: name, arguments: args } = command;
      this.connection.request('workspace/executeCommand', { command: name, arguments: args }).answer.catch(() => {});
    }
  }

  configure(settings) {
    this.settings = settings;
    this.connection.notify('workspace/didChangeConfiguration', { settings: { codling: settings } });
  }

  close() {
    this.connection.close();
  }
}

module.exports = { Session, languageOf };
