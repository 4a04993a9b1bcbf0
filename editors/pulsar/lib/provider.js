'use strict';
// The list of next tokens, for autocomplete-plus 5.x.

const KINDS = { 14: 'keyword', 24: 'builtin' };

/** @param {() => import('./session').Session | null} session */
module.exports = function makeProvider(session, isOn) {
  let last = null;
  return {
    selector: '.source.python, .source.java',
    inclusionPriority: 1,
    suggestionPriority: 2,
    excludeLowerPriority: false,
    filterSuggestions: false, // the server ranks, and has looked at the word

    async getSuggestions({ editor, bufferPosition }) {
      if (last) last.cancel();
      if (!session() || !isOn()) return [];
      last = session().ask('textDocument/completion', editor, bufferPosition, {});
      const answer = await last.answer.catch(() => null);
      return (answer ? answer.items : []).map((item) => ({
        text: item.textEdit.newText.trimStart(),
        displayText: item.label,
        replacementPrefix: editor.getTextInBufferRange([
          [item.textEdit.range.start.line, item.textEdit.range.start.character],
          bufferPosition,
        ]),
        type: KINDS[item.kind] || 'value',
        rightLabel: item.detail,
      }));
    },
  };
};
