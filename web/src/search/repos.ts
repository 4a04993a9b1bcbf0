// How the indexes are: looked at often while one is being made, now and then otherwise, and not while nobody looks.

import { repos, type Repo } from "../searchapi";
import { el } from "../shell/dom";

const OFTEN_MS = 600;
const SELDOM_MS = 3_000;

export interface RepoEvents {
  /** @param changed what searches find may be other than before. */
  onRepos(all: Repo[], changed: boolean): void;
  onLost(): void;
}

export class RepoWatch {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private before = "";

  constructor(
    private readonly events: RepoEvents,
    private readonly isShown: () => boolean,
  ) {
    document.addEventListener("visibilitychange", () => this.look());
  }

  look(): void {
    clearTimeout(this.timer);
    if (document.hidden || !this.isShown()) return;
    void this.ask();
  }

  private async ask(): Promise<void> {
    let pause = SELDOM_MS;
    try {
      const all = await repos(AbortSignal.timeout(10_000));
      const now = JSON.stringify(all.map(({ name, files, units, state }) => [name, files, units, state === "ready"]));
      this.events.onRepos(all, this.before !== "" && now !== this.before);
      this.before = now;
      if (all.some(isBusy)) pause = OFTEN_MS;
    } catch {
      this.events.onLost();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), pause);
  }
}

function isBusy(repo: Repo): boolean {
  return repo.state === "waiting" || repo.state === "indexing" || repo.state === "updating";
}

const count = (value: number): string => value.toLocaleString("en");

/** What is searched, in one line; empty when nothing is. */
export function factsOf(all: Repo[]): string {
  const answering = all.filter((repo) => repo.units > 0);
  if (answering.length === 0) return "";
  const units = answering.reduce((sum, repo) => sum + repo.units, 0);
  const files = answering.reduce((sum, repo) => sum + repo.files, 0);
  const names = answering.map((repo) => repo.name).join(", ");
  return `${count(units)} definitions and passages in ${count(files)} files of ${names}`;
}

/** A bar for each index that is being made, a line for each that could not be. */
export function progressOf(all: Repo[]): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const repo of all) {
    if (repo.state === "failed")
      found.push(el("p", { class: "repo-failed", role: "alert" }, `${repo.name} cannot be searched: ${repo.error ?? "no reason is known"}`));
    else if (isBusy(repo) && (repo.state !== "updating" || repo.total > 0)) {
      const doing = repo.state === "updating" ? "Taking up changes in" : "Indexing";
      const far = repo.total > 0 ? `: ${count(repo.done)} of ${count(repo.total)} files` : "…";
      const label = `${doing} ${repo.name}${far}`;
      const bar = el("progress", { "aria-label": label, ...(repo.total > 0 ? { value: repo.done, max: repo.total } : {}) });
      found.push(el("p", { class: "repo-busy" }, el("span", {}, label), bar));
    }
  }
  return found;
}
