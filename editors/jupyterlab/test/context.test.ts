import { describe, expect, it } from 'vitest';
import { isAtEnd, languageOf, notebookContext, textContext, windowStart, type Cell } from '../src/context';

const code = (source: string): Cell => ({ isCode: true, source });
const prose = (source: string): Cell => ({ isCode: false, source });

describe('a notebook', () => {
  it('reads as the code of its cells, in order, up to the cursor and behind it', () => {
    const cells = [prose('# Title'), code('import numpy as np\n'), code('x = np.li(3)'), prose('then'), code('print(x)')];
    expect(notebookContext(cells, 2, 9, 'python')).toEqual({
      prefix: 'import numpy as np\n\nx = np.li',
      suffix: '(3)\n\nprint(x)',
    });
  });

  it('has nothing to say outside its code', () => {
    expect(notebookContext([prose('some text')], 0, 4, 'python')).toBeNull();
    expect(notebookContext([], -1, 0, 'python')).toBeNull();
  });

  it('leaves out what only IPython understands', () => {
    const cells = [
      code('%matplotlib inline\n!pip install x\nimport os'),
      code('%%bash\nls -l\necho $HOME'),
      code('%%time\nfiles = !ls\nnames = os.listdir()\nos.path?\n?names'),
      code('rest = 7 % 3\n%timeit rest\nprint(rest'),
    ];
    expect(notebookContext(cells, 3, cells[3]!.source.length, 'python')).toEqual({
      prefix: 'import os\n\nnames = os.listdir()\n\nrest = 7 % 3\nprint(rest',
      suffix: '',
    });
  });

  it.each(['%mat', '!pip ins', 'files = !ls', 'os.path?', '%%bash\nls'])('suggests nothing in %j', (source) => {
    expect(notebookContext([code(source)], 0, source.length, 'python')).toBeNull();
  });

  it.each(['x = 7 % y', '%%time\nx = 1', "print('what?'", 'y = "100 %"', 'a != b', 'if not ok:  # why?'])(
    'takes %j for Python',
    (source) => {
      expect(notebookContext([code(source)], 0, source.length, 'python')).not.toBeNull();
    },
  );

  it('keeps the rest of the line of the cursor, whatever it looks like', () => {
    const source = 'x = f(a\n%timeit x\ny';
    expect(notebookContext([code(source)], 0, 7, 'python')).toEqual({ prefix: 'x = f(a', suffix: '\ny' });
  });

  it('in another language is taken as it stands', () => {
    expect(notebookContext([code('int a = 1;'), code('%x?')], 1, 3, 'java')).toEqual({ prefix: 'int a = 1;\n\n%x?', suffix: '' });
  });

  it('is not torn by an emoji', () => {
    const source = 's = "🐟" + s';
    expect(notebookContext([code(source)], 0, 5, 'python')!.prefix).toBe('s = "');
    expect(textContext(source, 6)).toEqual({ prefix: 's = "\uFFFD', suffix: '\uFFFD" + s' });
  });
});

describe('a long text', () => {
  it('is sent from the beginning of a line, which moves seldom', () => {
    const text = 'value = compute(1234)\n'.repeat(3000);
    const starts = new Set<number>();
    for (let at = 40_000; at < 44_000; at += 100) {
      const { prefix } = textContext(text, at);
      expect(prefix.startsWith('value')).toBe(true);
      expect(prefix.length).toBeLessThanOrEqual(24_000);
      starts.add(at - prefix.length);
    }
    expect(starts.size).toBeLessThanOrEqual(2);
  });

  it('may be one endless line', () => {
    expect(textContext('x'.repeat(50_000), 50_000).prefix.length).toBe(50_000 - windowStart(50_000));
  });
});

describe('the rest of a line', () => {
  it.each(['', ')', '"]):', "  ')\nnext", '\nname'])('leaves room before %j', (suffix) => expect(isAtEnd(suffix)).toBe(true));
  it.each(['name', ' + 1', '(3)\n', 'x\n'])('leaves none before %j', (suffix) => expect(isAtEnd(suffix)).toBe(false));
});

describe('the language', () => {
  it.each([
    ['text/x-ipython', 'python'],
    ['text/x-python', 'python'],
    ['text/x-java', 'java'],
    ['application/javascript', 'javascript'],
    ['text/plain', null],
    ['', null],
  ])('of %s is %s', (mimeType, language) => expect(languageOf(mimeType)).toBe(language));
});
