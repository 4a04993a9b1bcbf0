import { request } from "node:http";

/** What a client may be told. */
export interface Options {
  timeout?: number;
  log(message: string): void;
}

export type Method = "GET" | "POST";

// Thrown for every answer that is none.
export class HttpError extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

/** Makes requests and tries again. */
export abstract class Client<T> {
  retry = async (times: number) => {
    await sleep(times);
  };
  async get<R>(url: string): Promise<R> {
    const response = await fetch(url);
    return response.json();
  }

  abstract close(): void;
}

/** Waits. */
export const sleep = (ms: number) =>
  new Promise((resolve) => setTimeout(resolve, ms));

export const TIMEOUT = 3000;

enum Level { Low, High }

namespace Paths {
  export function join(a: string, b: string) { return a + "/" + b; }
}

declare const VERSION: string;
