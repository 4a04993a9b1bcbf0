// The provider of ghost text: what to ask, when to ask nothing, and what may still be shown when the answer comes.

import type { CodeEditor } from '@jupyterlab/codeeditor';
import type {
  CompletionHandler,
  ICompletionContext,
  IInlineCompletionContext,
  IInlineCompletionList,
  IInlineCompletionProvider,
} from '@jupyterlab/completer';
import type { Client, Feedback } from './client';
import { isAtEnd, languageOf, type Context as Place } from './context';
import type { Offer } from './offers';
import { Pace } from './pace';
import { DEFAULTS, isOn, type Settings } from './settings';
import { Watched } from './watched';

const AUTOMATIC = 1; // InlineCompletionTriggerKind.Automatic, an enum that older JupyterLabs do not export
const SHOWN_MS = 100; // after an answer, whether it is on the screen

const NOTHING: IInlineCompletionList = { items: [] };

type Context = IInlineCompletionContext & Pick<ICompletionContext, 'editor'>;

/** What is around an editor: the notebook's other cells, or nothing. */
export interface Surroundings {
  context(editor: CodeEditor.IEditor, widgetId: string, offset: number, language: string): Place | null;
  path(widgetId: string): string;
  /** Nothing is suggested in an editor any more: see that Tab is its own again. */
  letGo(editor: CodeEditor.IEditor): void;
  /** Whether ghost text is on the screen. */
  isShown(editor: CodeEditor.IEditor): boolean;
}

export class Provider implements IInlineCompletionProvider {
  readonly identifier = 'codling-jupyter';
  readonly name = 'codling';
  /** JupyterLab's own settings of a provider; whether a cursor within a line gets anything is decided here. */
  readonly schema = { type: 'object' as const, default: { autoFillInMiddle: true } };

  settings: Settings = DEFAULTS;
  private languages: readonly string[] | null = null;
  private readonly watched = new WeakMap<CodeEditor.IModel, Watched>();
  private readonly pace = new Pace();
  private asking: AbortController | undefined;

  constructor(
    private readonly client: Pick<Client, 'complete' | 'status' | 'feedback'>,
    private readonly around: Surroundings,
    private readonly session: string,
  ) {}

  /** Hear of changes of a text from now on. */
  watch(model: CodeEditor.IModel): Watched {
    let watched = this.watched.get(model);
    if (!watched) {
      watched = new Watched(model, (offer) => this.accepted(offer, languageOf(model.mimeType) ?? ''));
      this.watched.set(model, watched);
    }
    return watched;
  }

  async fetch(request: CompletionHandler.IRequest, given: IInlineCompletionContext): Promise<IInlineCompletionList> {
    const context = given as Context; // JupyterLab gives the editor, too
    const found = await this.find(request, context);
    if (found.items.length === 0 && context.editor) this.around.letGo(context.editor);
    return found;
  }

  private async find(request: CompletionHandler.IRequest, context: Context): Promise<IInlineCompletionList> {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const { editor, widget } = context;
    const isAutomatic = Number(context.triggerKind) === AUTOMATIC;
    const language = languageOf(request.mimeType ?? '');
    if (!editor || !language || !isOn(this.settings, language) || this.knows(language) === false) return NOTHING;
    const watched = this.watch(editor.model);
    if (isAutomatic && (watched.onlyTookAway(request.text) || editor.getSelections().length > 1)) return NOTHING;
    const offset = editor.getOffsetAt(editor.getCursorPosition()); // the request counts code points
    const found = this.around.context(editor, widget.id, offset, language);
    if (!found || (isAutomatic && !isAtEnd(found.suffix))) return NOTHING;
    const isStale = (): boolean =>
      asking.signal.aborted || editor.isDisposed || editor.model.sharedModel.getSource() !== request.text ||
      editor.getOffsetAt(editor.getCursorPosition()) !== offset || !editor.hasFocus();
    let offers = isAutomatic ? watched.offers.left(found.prefix, found.suffix) : [];
    if (offers.length === 0) {
      if (isAutomatic) await sleep(this.pace.pauseMs(this.settings.debounceMs));
      if (isStale()) return NOTHING;
      await this.learnLanguages();
      if (isStale() || !this.knows(language)) return NOTHING;
      const began = performance.now();
      try {
        const { suggestions } = await this.client.complete(
          this.question(language, found, widget.id, isAutomatic, `${this.session} ${widget.id}`),
          asking.signal,
        );
        this.pace.add(performance.now() - began);
        if (isStale()) return NOTHING;
        offers = watched.offers.set(found.prefix, found.suffix, offset, suggestions);
      } catch {
        return NOTHING; // the server is away, or this was overtaken: either way there is nothing to show, and nothing to say
      }
    }
    this.lookWhetherShown(offers[0], language, editor);
    return { items: offers.map(({ text }) => ({ insertText: text })) }; // JupyterLab changes these
  }

  private question(language: string, { prefix, suffix }: Place, id: string, automatic: boolean, session: string) {
    const { alternatives, inComments, kind, model, threshold } = this.settings;
    return {
      ...{ language, prefix, suffix, kind, alternatives, automatic, session },
      path: this.around.path(id),
      threshold: threshold < 0 ? null : threshold,
      in_comments: inComments,
      model: model || null,
    };
  }

  /** Whether a model knows a language; undefined until the server is there. */
  private knows(language: string): boolean | undefined {
    return this.settings.model !== '' || this.languages?.includes(language);
  }

  private async learnLanguages(): Promise<void> {
    if (this.languages) return;
    const status = await this.client.status().catch(() => null);
    if (status?.state === 'ready') this.languages = status.languages;
  }

  private lookWhetherShown(offer: Offer | undefined, language: string, editor: CodeEditor.IEditor): void {
    if (!offer || offer.counted.shown) return;
    setTimeout(() => {
      if (!offer.counted.accepted && !editor.isDisposed && this.around.isShown(editor)) this.shown(offer, language);
    }, SHOWN_MS);
  }

  private shown(offer: Offer, language: string): void {
    if (offer.counted.shown) return;
    offer.counted.shown = true;
    this.say({ language, score: offer.score, shown: 1 });
  }

  private accepted(offer: Offer, language: string): void {
    this.shown(offer, language);
    offer.counted.accepted = true;
    this.say({ language, score: offer.score, accepted: 1, chars: [...offer.text].length });
  }

  private say(said: Feedback): void {
    if (this.settings.stats) this.client.feedback(said).catch(() => {});
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
