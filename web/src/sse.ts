// Server-Sent Events out of a fetch: EventSource cannot POST.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Split what has arrived into whole events and the unfinished rest. */
export function splitEvents(text: string): [ServerEvent[], string] {
  const blocks = text.split("\n\n");
  const rest = blocks.pop() ?? "";
  const events: ServerEvent[] = [];
  for (const block of blocks) {
    let event = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) event = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
    if (data.length > 0) events.push({ event, data: data.join("\n") });
  }
  return [events, rest];
}

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const [events, rest] = splitEvents(waiting + decoder.decode(value, { stream: true }));
      waiting = rest;
      yield* events;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
