// The provider under JupyterLab's interface, with a text that is a real one to it and a server that answers as told.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Feedback, Question, Status } from '../src/client';
import { textContext } from '../src/context';
import { Provider } from '../src/provider';
import { DEFAULTS } from '../src/settings';

type Listener = (sender: unknown, change: { sourceChange: object[] }) => void;

/** As much of an editor as the provider looks at. */
class Editor {
  text = '';
  cursor = 0;
  isFocused = true;
  isDisposed = false;
  cursors = 1;
  private readonly listeners: Listener[] = [];
  readonly model = {
    mimeType: 'text/x-ipython',
    sharedModel: { getSource: () => this.text, changed: { connect: (listener: Listener) => this.listeners.push(listener) } },
  };

  change(at: number, removed: number, inserted: string): void {
    this.text = this.text.slice(0, at) + inserted + this.text.slice(at + removed);
    this.cursor = at + inserted.length;
    const delta = [{ retain: at }, ...(inserted ? [{ insert: inserted }] : []), ...(removed ? [{ delete: removed }] : [])];
    for (const listener of this.listeners) listener(null, { sourceChange: delta });
  }

  type(text: string): void {
    this.change(this.cursor, 0, text);
  }

  getCursorPosition = (): number => this.cursor;
  getOffsetAt = (position: number): number => position;
  getSelections = (): object[] => Array.from({ length: this.cursors }, () => ({}));
  hasFocus = (): boolean => this.isFocused;
}

class Server {
  questions: Question[] = [];
  said: Feedback[] = [];
  state: Status = { state: 'ready', error: '', languages: ['python'] };
  answer: (question: Question) => Promise<Answer> = async () => ({ suggestions: [{ text: 'zeros(3)', score: 0.5 }, { text: 'ones', score: 0.2 }], state: 'ready' });
  complete = (question: Question, signal: AbortSignal): Promise<Answer> => {
    this.questions.push(question);
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    return Promise.race([this.answer(question), aborted]);
  };
  status = async (): Promise<Status> => this.state;
  feedback = async (said: Feedback): Promise<void> => void this.said.push(said);
}

let editor: Editor, server: Server, provider: Provider, isShown: boolean, numLetGo: number;

beforeEach(() => {
  vi.useFakeTimers();
  [editor, server, isShown, numLetGo] = [new Editor(), new Server(), true, 0];
  const around = { context: (_: unknown, __: string, offset: number) => textContext(editor.text, offset), path: () => 'a.ipynb', isShown: () => isShown, letGo: () => (numLetGo += 1) };
  provider = new Provider(server, around as never, 'test');
});
afterEach(() => vi.useRealTimers());

function fetch(automatic = true): Promise<string[]> {
  const request = { text: editor.text, offset: editor.cursor, mimeType: editor.model.mimeType };
  const context = { editor, widget: { id: 'w' }, triggerKind: automatic ? 1 : 0 };
  return provider.fetch(request as never, context as never).then(({ items }) => items.map(({ insertText }) => insertText));
}

async function suggested(automatic = true): Promise<string[]> {
  const found = fetch(automatic);
  await vi.advanceTimersByTimeAsync(300);
  return found;
}

describe('the provider', () => {
  it('asks with what is around the cursor, and passes the answers on', async () => {
    editor.type('x = np.');
    expect(await suggested()).toEqual(['zeros(3)', 'ones']);
    expect(server.questions).toEqual([
      { language: 'python', prefix: 'x = np.', suffix: '', path: 'a.ipynb', kind: 'line', alternatives: 3, automatic: true, threshold: null, in_comments: false, model: null, session: 'test w' },
    ]);
  });

  it('shows the rest of what is typed along at once, without asking', async () => {
    editor.type('x = np.');
    await suggested();
    editor.type('z');
    expect(await fetch()).toEqual(['eros(3)']);
    expect(server.questions).toHaveLength(1);
  });

  it('suggests nothing on backspace, and something again when asked', async () => {
    editor.type('x = np.z');
    await suggested();
    expect(numLetGo).toBe(0);
    editor.change(7, 1, '');
    expect(await suggested()).toEqual([]);
    expect(numLetGo).toBe(1); // Tab is the editor's again
    expect(await suggested(false)).toHaveLength(2);
  });

  it('knows a backspace before it hears of it', async () => {
    editor.type('x = np.z');
    provider.watch(editor.model as never);
    [editor.text, editor.cursor] = ['x = np.', 7];
    expect(await suggested()).toEqual([]);
  });

  it('asks once for keys that come fast, and drops what is overtaken', async () => {
    const found = [...'np.'].map((key) => {
      editor.type(key);
      return fetch();
    });
    await vi.advanceTimersByTimeAsync(300);
    expect(await Promise.all(found)).toEqual([[], [], ['zeros(3)', 'ones']]);
    expect(server.questions.map(({ prefix }) => prefix)).toEqual(['np.']);
  });

  it.each<[string, () => void]>([
    ['the text', () => editor.type('!')],
    ['the cursor', () => (editor.cursor = 1)],
    ['the focus', () => (editor.isFocused = false)],
    ['the editor', () => (editor.isDisposed = true)],
  ])('drops an answer when %s is another by then', async (_, change) => {
    let give: (answer: Answer) => void = () => {};
    server.answer = () => new Promise((resolve) => (give = resolve));
    editor.type('np.');
    const found = fetch();
    await vi.advanceTimersByTimeAsync(300);
    change();
    give({ suggestions: [{ text: 'zeros', score: 0.5 }], state: 'ready' });
    expect(await found).toEqual([]);
  });

  it('is silent while the server is away, and there again with it', async () => {
    server.state = { state: 'starting', error: '', languages: [] };
    editor.type('np.');
    expect(await suggested()).toEqual([]);
    expect(server.questions).toEqual([]);
    server.state = { state: 'ready', error: '', languages: ['python'] };
    server.answer = () => Promise.reject(new Error('gone'));
    editor.type('a');
    expect(await suggested()).toEqual([]);
    server.answer = async () => ({ suggestions: [{ text: 'll', score: 0.1 }], state: 'ready' });
    expect(await suggested(false)).toEqual(['ll']);
  });

  it.each([
    ['it is off', { enabled: false }],
    ['it is off for the language', { languages: { python: false } }],
    ['it is off for all that are not named', { languages: { '*': false, java: true } }],
  ])('says nothing where %s', async (_, changed) => {
    provider.settings = { ...DEFAULTS, ...changed };
    editor.type('np.');
    expect(await suggested()).toEqual([]);
    expect(server.questions).toEqual([]);
  });

  it('says nothing in a language that no model knows, within a line, or at several cursors', async () => {
    editor.text = 'np. + 1';
    editor.cursor = 3;
    expect(await suggested()).toEqual([]);
    editor.text = 'np.)';
    expect(await suggested()).not.toEqual([]);
    editor.cursors = 2;
    expect(await suggested()).toEqual([]);
    editor.cursors = 1;
    editor.model.mimeType = 'text/x-rsrc';
    expect(await suggested()).toEqual([]);
  });

  it('counts what was seen and what was taken, each once', async () => {
    editor.type('np.');
    await suggested();
    expect(server.said).toEqual([{ language: 'python', score: 0.5, shown: 1 }]);
    editor.type('z');
    await suggested();
    editor.type('eros(3)');
    expect(server.said.slice(1)).toEqual([{ language: 'python', score: 0.5, accepted: 1, chars: 7 }]);
  });

  it('counts nothing that was never on the screen, or where it must not', async () => {
    isShown = false;
    editor.type('np.');
    await suggested();
    expect(server.said).toEqual([]);
    provider.settings = { ...DEFAULTS, stats: false };
    editor.type('zeros(3)');
    expect(server.said).toEqual([]);
  });

  it('waits the longer the slower the answers are', async () => {
    server.answer = () => new Promise((resolve) => setTimeout(() => resolve({ suggestions: [], state: 'ready' }), 120));
    editor.type('np.');
    await suggested();
    editor.type('a');
    const found = fetch();
    await vi.advanceTimersByTimeAsync(100);
    expect(server.questions).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(server.questions).toHaveLength(2);
    await found;
  });
});
