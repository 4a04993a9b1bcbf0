// What Jupyter's server is asked, which asks codling's on the same machine: codling_jupyter/handlers.py.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

export interface Suggestion {
  text: string;
  /** Probability of the whole of it, in [0, 1]. */
  score: number;
}

export interface Question {
  language: string;
  prefix: string;
  suffix: string;
  /** Of the notebook or file, from the root of Jupyter's files. */
  path: string;
  kind: 'line' | 'block';
  alternatives: number;
  /** Nobody asked: nothing comes that is less probable than the threshold. */
  automatic: boolean;
  threshold: number | null;
  in_comments: boolean;
  model: string | null;
  session: string;
}

export interface Answer {
  suggestions: Suggestion[];
  state: Status['state'];
}

export interface Status {
  state: 'starting' | 'ready' | 'away';
  /** Why it is away; empty otherwise. */
  error: string;
  languages: string[];
}

export interface Feedback {
  language: string;
  score: number;
  shown?: number;
  accepted?: number;
  chars?: number;
}

export class Client {
  private readonly settings = ServerConnection.makeSettings();

  complete(question: Question, signal: AbortSignal): Promise<Answer> {
    return this.ask<Answer>('complete', question, signal);
  }

  status(): Promise<Status> {
    return this.ask<Status>('status');
  }

  async feedback(said: Feedback): Promise<void> {
    await this.ask('feedback', said);
  }

  private async ask<T>(what: string, message?: object, signal?: AbortSignal): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, 'codling', what);
    const init: RequestInit = message
      ? { method: 'POST', body: JSON.stringify(message), headers: { 'Content-Type': 'application/json' }, signal: signal ?? null }
      : {};
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) throw new ServerConnection.ResponseError(response);
    return (await response.json()) as T;
  }
}
