// Other people's clients, unmodified: npm's openai against `codling serve` at CODLING_URL,
// @codemirror/lsp-client against `codling lsp`, whose command CODLING_LSP is as JSON. Their model writes CODLING_LINE after a full stop.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import OpenAI from 'openai';

const { CODLING_URL, CODLING_LSP, CODLING_LINE: LINE } = process.env;
const openai = new OpenAI({ baseURL: `${CODLING_URL}v1`, apiKey: 'none', maxRetries: 0 });

test('openai completes, between two texts too', async () => {
  const answer = await openai.completions.create({ model: 'codling', prompt: 'f("🐟", x.', suffix: ')\n', max_tokens: 50 });
  assert.equal(answer.choices[0].text, LINE);
  assert.equal(answer.object, 'text_completion');
});

test('openai streams', async () => {
  let text = '';
  const stream = await openai.completions.create({
    model: 'codling', prompt: 'x.', max_tokens: 50, temperature: 0, stop: '\n', stream: true,
  });
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  assert.equal(text, LINE);
});

test("openai's errors are its own", async () => {
  await assert.rejects(openai.completions.create({ model: 'gpt-4', prompt: 'x' }), OpenAI.NotFoundError);
  await assert.rejects(openai.completions.create({ model: 'codling', prompt: 'x', n: 99 }), OpenAI.BadRequestError);
});

test('openai lists models', async () => {
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.deepEqual(names, ['chain']);
});

test("codemirror's language server client gets completions and ghost text", async (t) => {
  const { LSPClient } = await import('@codemirror/lsp-client');
  const [program, ...args] = JSON.parse(CODLING_LSP);
  const server = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => server.kill());
  const handlers = new Set();
  let buffer = Buffer.alloc(0);
  server.stdout.on('data', (data) => {
    buffer = Buffer.concat([buffer, data]);
    for (;;) {
      const head = buffer.indexOf('\r\n\r\n');
      const size = head === -1 ? NaN : Number(/content-length: *(\d+)/i.exec(buffer.toString('latin1', 0, head))[1]);
      if (!(buffer.length >= head + 4 + size)) return;
      const message = buffer.toString('utf8', head + 4, head + 4 + size);
      buffer = buffer.subarray(head + 4 + size);
      for (const handler of handlers) handler(message);
    }
  });
  const client = new LSPClient({ rootUri: 'file:///nowhere', timeout: 60_000 });
  client.connect({
    send: (message) => server.stdin.write(`Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`),
    subscribe: (handler) => handlers.add(handler),
    unsubscribe: (handler) => handlers.delete(handler),
  });
  await client.initializing;
  assert.ok(client.serverCapabilities.completionProvider);
  const textDocument = { uri: 'file:///tank.py' };
  client.notification('textDocument/didOpen', { textDocument: { ...textDocument, languageId: 'python', version: 1, text: '"🐟".' } });
  const position = { line: 0, character: 5 };
  const list = await client.request('textDocument/completion', { textDocument, position });
  assert.equal(list.items[0].label, 'mode');
  const ghosts = await client.request('textDocument/inlineCompletion', { textDocument, position, context: { triggerKind: 2 } });
  assert.equal(ghosts.items[0].insertText, LINE);
  client.disconnect();
  const ended = new Promise((resolve) => { server.on('close', resolve); });
  server.stdin.end();
  await ended;
});
