import { describe, expect, it } from 'vitest';
import { Offers } from '../src/offers';
import { changesOf, isPart } from '../src/watched';

function offered(...texts: string[]): Offers {
  const offers = new Offers();
  offers.set('np.', ')', 3, texts.map((text, index) => ({ text, score: 0.9 - index / 10 })));
  return offers;
}

const typed = (at: number, inserted: string) => ({ at, removed: 0, inserted });
const texts = (offers: Offers, before: string): string[] => offers.left(before, ')').map(({ text }) => text);

describe('what was suggested', () => {
  it('is left while somebody types along it', () => {
    const offers = offered('zeros(3', 'zeros_like', 'ones');
    expect(offers.changed(typed(3, 'z'))).toBeNull();
    expect(texts(offers, 'np.z')).toEqual(['eros(3', 'eros_like']);
    offers.changed(typed(4, 'eros_'));
    expect(texts(offers, 'np.zeros_')).toEqual(['like']);
  });

  it('is gone where another way is taken, a text removed, or something else follows', () => {
    for (const change of [typed(3, 'x'), typed(0, 'z'), { at: 2, removed: 1, inserted: '' }, { at: 3, removed: 1, inserted: 'z' }]) {
      const offers = offered('zeros');
      expect(offers.changed(change)).toBeNull();
      expect(offers.left('np.z', ')')).toEqual([]);
    }
    expect(offered('zeros').left('np.', '')).toEqual([]);
    expect(offered('zeros').left('xp.', ')')).toEqual([]);
  });

  it('is taken when it is put in as a whole, but not when its last character is typed', () => {
    const offers = offered('zeros', 'ones');
    offers.changed(typed(3, 'z'));
    const taken = offers.changed(typed(4, 'eros'));
    expect(taken?.text).toBe('eros');
    expect(taken?.score).toBe(0.9);
    expect(texts(offers, 'np.zeros')).toEqual([]);
    expect(offered('z').changed(typed(3, 'z'))).toBeNull();
    expect(offered('zeros', 'ones').changed(typed(3, 'ones'))?.score).toBeCloseTo(0.8);
  });

  it('that is offered again in the same place has been counted already', () => {
    const offers = offered('zeros');
    offers.left('np.', ')')[0]!.counted.shown = true;
    const [again, other] = offers.set('np.', ')', 3, [{ text: 'zeros', score: 0.9 }, { text: 'ones', score: 0.1 }]);
    expect([again!.counted.shown, other!.counted.shown]).toEqual([true, false]);
  });
});

describe('changes', () => {
  it('are read from a delta, each at its place in the text before', () => {
    expect(changesOf([{ retain: 3 }, { insert: 'ab' }])).toEqual([{ at: 3, removed: 0, inserted: 'ab' }]);
    expect(changesOf([{ delete: 2 }, { insert: 'x' }, { retain: 4 }, { delete: 1 }])).toEqual([
      { at: 0, removed: 2, inserted: 'x' },
      { at: 6, removed: 1, inserted: '' },
    ]);
    expect(changesOf([])).toEqual([]);
  });

  it('that only take away are known from the texts, too', () => {
    expect(isPart('ab', 'axb')).toBe(true);
    expect(isPart('', 'a')).toBe(true);
    expect(isPart('ab', 'ab')).toBe(false);
    expect(isPart('abc', 'ab')).toBe(false);
    expect(isPart('ac', 'abd')).toBe(false);
    expect(isPart('🐟', '🐟🐟')).toBe(true);
  });
});
