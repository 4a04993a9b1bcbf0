// The plug-in: puts the provider into JupyterLab, gives it the notebooks, and follows the settings.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Client } from './client';
import { notebookContext, textContext } from './context';
import { Provider, type Surroundings } from './provider';
import { DEFAULTS, type Settings } from './settings';

const PLUGIN = 'codling-jupyter:plugin';
const ACTIVE = 'jp-mod-inline-completer-active';
const GHOST = '.jp-GhostText:not(.jp-GhostText-lineSpacer, .jp-GhostText-letterSpacer)';
const TOGGLE = 'codling:toggle';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'Ghost text from a small model on your own machine.',
  autoStart: true,
  requires: [ICompletionProviderManager],
  optional: [INotebookTracker, ISettingRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    manager: ICompletionProviderManager,
    notebooks: INotebookTracker | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null,
  ): void => {
    const client = new Client();
    const provider = new Provider(client, surroundings(app, notebooks), newSession());
    manager.registerInlineProvider(provider);
    client.status().catch(() => {}); // the server starts while the page still loads
    notebooks?.activeCellChanged.connect((_, cell) => void (cell && provider.watch(cell.model)));

    const toggle = (): unknown => registry?.set(PLUGIN, 'enabled', !provider.settings.enabled);
    app.commands.addCommand(TOGGLE, {
      label: 'Suggest Code (codling)',
      isToggled: () => provider.settings.enabled,
      execute: toggle,
    });
    palette?.addItem({ command: TOGGLE, category: 'Code Completion' });
    registry?.load(PLUGIN).then(
      (settings) => {
        const follow = (): void => {
          provider.settings = { ...DEFAULTS, ...(settings.composite as unknown as Settings) };
          app.commands.notifyCommandChanged(TOGGLE);
        };
        settings.changed.connect(follow);
        follow();
      },
      (error: unknown) => console.warn('codling keeps to its own settings:', error),
    );
  },
};

function surroundings(app: JupyterFrontEnd, notebooks: INotebookTracker | null): Surroundings {
  const panelOf = (id: string): NotebookPanel | undefined => notebooks?.find((panel) => panel.id === id);
  return {
    context(editor, widgetId, offset, language) {
      const panel = panelOf(widgetId);
      if (!panel) return textContext(editor.model.sharedModel.getSource(), offset);
      const { widgets } = panel.content;
      const active = widgets.findIndex((cell) => cell.editor === editor);
      const cells = widgets.map(({ model }) => ({ isCode: model.type === 'code', source: model.sharedModel.getSource() }));
      return notebookContext(cells, active, offset, language);
    },
    path(widgetId) {
      const widget = [...app.shell.widgets('main')].find(({ id }) => id === widgetId);
      return (widget as Partial<NotebookPanel> | undefined)?.context?.path ?? '';
    },
    letGo(editor) {
      // JupyterLab takes its mark away from an editor when the cursor moves, but not where a text has changed and nobody
      // suggests anything; Tab would take what is not there. Others' suggestions stay.
      setTimeout(() => editor.host.querySelector(GHOST) ?? editor.host.classList.remove(ACTIVE), 0);
    },
    isShown: (editor) => editor.host.querySelector(GHOST) !== null, // the manager cannot say it in 4.1
  };
}

function newSession(): string {
  return `jupyterlab ${Math.random().toString(36).slice(2)}`;
}

export default plugin;
