'use strict';
// The package: starts the server, follows the editors, and offers the list and the command.

const { CompositeDisposable, Disposable } = require('atom');
const Ghost = require('./ghost');
const makeProvider = require('./provider');
const { Session, languageOf } = require('./session');

const SETTINGS = ['inComments', 'fromComments', 'inStrings', 'kind', 'model', 'threshold'];

module.exports = {
  config: {
    enabled: { type: 'boolean', default: true, order: 1, description: 'Suggest at all.' },
    command: { type: 'string', default: 'codling', order: 2, description: 'The program, or its path.' },
    languages: { type: 'array', default: ['python', 'java'], order: 3, items: { type: 'string' } },
    delay: { type: 'integer', default: 40, minimum: 0, order: 4, description: 'Milliseconds after a key before a line is asked for.' },
    kind: { type: 'string', default: 'line', enum: ['line', 'block'], order: 5, description: 'How far a suggestion reaches.' },
    inComments: { type: 'boolean', default: false, order: 6 },
    fromComments: { type: 'boolean', default: false, order: 6, description: 'Offer the program that a comment or documentation describes, on the empty line below it.' },
    inStrings: { type: 'boolean', default: true, order: 7 },
    model: { type: 'string', default: '', order: 8, description: 'Name or path of a bundle; empty for the one that fits.' },
    threshold: { type: 'number', default: 0, minimum: 0, maximum: 1, order: 9, description: 'Least probability of what comes unasked.' },
  },

  activate() {
    this.ghosts = new Map();
    this.subscriptions = new CompositeDisposable();
    const get = (key) => atom.config.get(`codling.${key}`);
    this.isOn = () => get('enabled');
    const settings = () => ({
      ...Object.fromEntries(SETTINGS.map((key) => [key, get(key)]).filter(([, value]) => value !== '' && value !== 0)),
      enabled: get('enabled'),
      index: false, // nothing here searches
    });
    this.session = new Session({
      command: [...(this.commandForTests || [get('command')]), ...(this.commandForTests ? [] : ['lsp'])],
      env: this.envForTests || process.env,
      folders: atom.project.getPaths(),
      settings: settings(),
      onEnd: (why) => atom.notifications.addError('codling does not run', {
        detail: `${why}\n\npip install codling, or set the path of the program in the package's settings`,
        dismissable: true,
      }),
    });
    this.subscriptions.add(
      new Disposable(() => this.session.close()),
      atom.workspace.observeTextEditors((editor) => this.follow(editor)),
      atom.config.onDidChange('codling', () => this.session.configure(settings())),
      atom.commands.add('atom-text-editor:not([mini])', {
        'codling:accept': (event) => { if (!this.act((ghost) => ghost.accept())) event.abortKeyBinding(); },
        'codling:dismiss': () => this.act((ghost) => ghost.dismiss()),
        'codling:suggest': () => this.act((ghost) => ghost.ask(true)),
      }),
      atom.commands.add('atom-workspace', {
        'codling:toggle': () => atom.config.set('codling.enabled', !get('enabled')),
      }),
    );
  },

  follow(editor) {
    if (editor.isMini() || !atom.config.get('codling.languages').includes(languageOf(editor))) return;
    const ghost = new Ghost(editor, () => this.session, {
      delayMs: () => atom.config.get('codling.delay'),
      isOn: this.isOn,
    });
    this.ghosts.set(editor, ghost);
    const own = new CompositeDisposable(this.session.add(editor), ghost, new Disposable(() => this.ghosts.delete(editor)));
    own.add(editor.onDidDestroy(() => { own.dispose(); this.subscriptions.remove(own); }));
    this.subscriptions.add(own);
  },

  act(what) {
    const ghost = this.ghosts.get(atom.workspace.getActiveTextEditor());
    return ghost ? what(ghost) : undefined;
  },

  provideAutocomplete() {
    return makeProvider(() => this.session, () => this.isOn());
  },

  deactivate() {
    this.subscriptions.dispose();
  },
};
