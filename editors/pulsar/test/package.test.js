'use strict';
// The package against the real server. CODLING_LSP is the server's command as JSON, with a model that writes LINE after a full stop.

const assert = require('node:assert/strict');
const { afterEach, beforeEach, test } = require('node:test');
const { makeAtom } = require('./api');

const COMMAND = JSON.parse(process.env.CODLING_LSP || '["codling", "lsp"]');
const LINE = process.env.CODLING_LINE || 'mode(skip=1)';
const PATIENCE_MS = 60_000;

let main;

beforeEach(() => {
  for (const key of Object.keys(require.cache)) if (key.includes('/lib/')) delete require.cache[key];
  main = require('../lib/main');
  const defaults = Object.fromEntries(Object.entries(main.config).map(([key, { default: value }]) => [key, value]));
  global.atom = makeAtom({ ...defaults, delay: 1 });
  main.commandForTests = COMMAND;
  main.activate();
});

afterEach(() => main.deactivate());

async function until(isSo, what) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `${what} did not come`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

async function opened(options) {
  const editor = atom.open({ path: '/fish/tank.py', ...options });
  await main.session.connection.ready;
  await new Promise(setImmediate);
  return editor;
}

test('a line is shown behind the cursor, and Tab takes it', async () => {
  const editor = await opened({ text: 'a = "🐟"' });
  editor.insertText('.');
  await until(() => editor.ghost === LINE, 'the line');
  assert.ok(editor.classes.has('codling-has-suggestion'));
  assert.equal(atom.run('codling:accept'), false);
  assert.equal(editor.getText(), `a = "🐟".${LINE}`);
  assert.equal(editor.ghost, '');
});

test('while nothing is shown, Tab is left to the editor', async () => {
  const editor = await opened({ text: 'x' });
  assert.ok(!editor.classes.has('codling-has-suggestion'));
  assert.equal(atom.run('codling:accept'), true);
  assert.equal(editor.getText(), 'x');
});

test('typing along shows the rest; anything else takes it away', async () => {
  const editor = await opened({ text: 'x' });
  editor.insertText('.');
  await until(() => editor.ghost === LINE, 'the line');
  editor.insertText(LINE[0]);
  assert.equal(editor.ghost, LINE.slice(1));
  editor.insertText('z');
  assert.equal(editor.ghost, '');
});

test('Escape and moving the cursor dismiss it, and a backspace brings nothing', async () => {
  const editor = await opened({ text: 'x' });
  editor.insertText('.');
  await until(() => editor.ghost === LINE, 'the line');
  atom.run('codling:dismiss');
  assert.equal(editor.ghost, '');
  atom.run('codling:suggest');
  await until(() => editor.ghost === LINE, 'the line that was asked for');
  editor.setCursorBufferPosition({ row: 0, column: 0 });
  assert.equal(editor.ghost, '');
  editor.setCursorBufferPosition({ row: 0, column: 2 });
  editor.insertText('a');
  editor.backspace();
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.equal(editor.ghost, '');
});

test("autocomplete-plus gets the next tokens, and what they replace", async () => {
  const editor = await opened({ text: 'x.mo' });
  const provider = main.provideAutocomplete();
  let rows = [];
  await until(async () => {
    rows = await provider.getSuggestions({ editor, bufferPosition: editor.getCursorBufferPosition() });
    return rows.length > 0;
  }, 'the list');
  assert.deepEqual([rows[0].text, rows[0].replacementPrefix], ['mode', 'mo']);
  assert.match(rows[0].rightLabel, /%$/);
});

test('off means off', async () => {
  const editor = await opened({ text: 'x' });
  atom.config.set('codling.enabled', false);
  editor.insertText('.');
  const provider = main.provideAutocomplete();
  assert.deepEqual(await provider.getSuggestions({ editor, bufferPosition: editor.getCursorBufferPosition() }), []);
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.equal(editor.ghost, '');
});

test('a server that is killed comes back, and knows the texts as they are', async () => {
  const editor = await opened({ text: 'x' });
  main.session.connection.process.kill('SIGKILL');
  editor.insertText('z');
  await until(() => main.session.connection.starts === 2, 'the server');
  await main.session.connection.ready;
  editor.insertText('.');
  await until(() => editor.ghost === LINE, 'the line');
});

test('a program that is not there is said once, with what to do', async () => {
  main.deactivate();
  main.commandForTests = ['/nowhere/codling', 'lsp'];
  main.activate();
  await until(() => atom.errors.length === 1, 'the error');
  assert.match(atom.errors[0], /pip install codling/);
});
