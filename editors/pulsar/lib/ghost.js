'use strict';
// A suggestion behind the cursor. While one is shown, and only then, the editor has the class that Tab's binding asks for.

const CLASS = 'codling-has-suggestion';

class Ghost {
  /** @param {() => import('./session').Session | null} session  @param {{ delayMs: () => number, isOn: () => boolean }} options */
  constructor(editor, session, options) {
    this.editor = editor;
    this.session = session;
    this.options = options;
    this.shown = null;
    this.pending = null;
    this.wasTyped = false;
    this.subscriptions = [
      editor.getBuffer().onDidChangeText(({ changes }) => this.changed(changes)),
      editor.onDidChangeCursorPosition(({ textChanged }) => { if (!textChanged) this.dismiss(); }),
    ];
  }

  changed(changes) {
    const [change] = changes;
    const { shown } = this;
    if (shown && changes.length === 1 && change.oldText === '' && change.newText !== '' && shown.text !== change.newText
        && shown.text.startsWith(change.newText) && change.oldRange.start.isEqual(shown.point)) {
      this.show({ ...shown, text: shown.text.slice(change.newText.length), point: change.newRange.end });
      return; // typed along: the rest is shown, and nobody asked
    }
    this.dismiss();
    if (changes.length === 1 && change.newText !== '' && this.options.isOn()) this.later();
  }

  later() {
    this.timer = setTimeout(() => this.ask(false), this.options.delayMs());
  }

  async ask(byHand) {
    this.dismiss();
    const { editor } = this;
    const session = this.session();
    if (!session || editor.hasMultipleCursors()) return;
    const point = editor.getCursorBufferPosition();
    const request = session.ask('textDocument/inlineCompletion', editor, point, { context: { triggerKind: byHand ? 1 : 2 } });
    this.pending = request;
    const answer = await request.answer.catch(() => null);
    if (this.pending !== request) return; // something has changed since
    this.pending = null;
    const item = answer && answer.items && answer.items[0];
    if (item && editor.getCursorBufferPosition().isEqual(point)) this.show({ text: item.insertText, point, command: item.command });
  }

  show(shown) {
    this.hide();
    this.shown = shown;
    this.marker = this.editor.markBufferPosition(shown.point, { invalidate: 'never' });
    const item = document.createElement('pre');
    item.className = 'codling-ghost';
    item.textContent = shown.text;
    this.editor.decorateMarker(this.marker, { type: 'overlay', class: 'codling-ghost-overlay', position: 'tail', item });
    this.editor.getElement().classList.add(CLASS);
  }

  /** Take what is shown; says whether anything was. */
  accept() {
    const { shown } = this;
    if (!shown) return false;
    this.dismiss();
    this.editor.setCursorBufferPosition(shown.point);
    this.editor.insertText(shown.text, { autoIndent: false, autoIndentNewline: false });
    this.dismiss();
    this.session().accepted(shown.command);
    return true;
  }

  dismiss() {
    clearTimeout(this.timer);
    if (this.pending) this.pending.cancel();
    this.pending = null;
    this.hide();
  }

  hide() {
    this.shown = null;
    if (this.marker) this.marker.destroy();
    this.marker = null;
    this.editor.getElement().classList.remove(CLASS);
  }

  dispose() {
    this.dismiss();
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}

module.exports = Ghost;
