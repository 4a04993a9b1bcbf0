'use strict';
// A language server's stdin and stdout: JSON-RPC 2.0, and a process that is started again when it ends, a little later each time.

const { spawn } = require('child_process');

const RESTARTS = 5; // within a session; then something is wrong that restarting does not mend
const FIRST_PAUSE_MS = 500;

class Connection {
  /**
   * @param {{ command: string[], cwd?: string, env?: object, onStart: () => Promise<void>, onEnd: (why: string) => void }} options
   *   onStart opens the session, each time the server starts; onEnd hears why it will not start again.
   */
  constructor(options) {
    this.options = options;
    this.process = null;
    this.waiting = new Map();
    this.number = 0;
    this.starts = 0;
    this.isClosed = false;
    this.ready = this.start();
  }

  start() {
    this.starts += 1;
    this.buffer = Buffer.alloc(0);
    const [program, ...args] = this.options.command;
    const child = spawn(program, args, { cwd: this.options.cwd, env: this.options.env, stdio: ['pipe', 'pipe', 'ignore'] });
    this.process = child;
    child.stdout.on('data', (data) => this.receive(data));
    child.stdin.on('error', () => {}); // it ended: 'close' says so
    const ended = (why) => this.ended(child, why);
    child.on('error', (error) => ended(error.code === 'ENOENT' ? `${program} is not there` : error.message));
    child.on('close', (code) => ended(`${program} ended with ${code}`));
    const started = this.options.onStart(this);
    started.catch(() => {}); // who waits for it hears of it
    return started;
  }

  ended(child, why) {
    if (this.process !== child) return;
    this.process = null;
    for (const { reject } of this.waiting.values()) reject(new Error(why));
    this.waiting.clear();
    if (this.isClosed) return;
    if (this.starts > RESTARTS || why.endsWith('is not there')) {
      this.options.onEnd(why);
      return;
    }
    this.timer = setTimeout(() => { this.ready = this.start(); }, FIRST_PAUSE_MS * 2 ** (this.starts - 1));
  }

  /** @returns {{ answer: Promise<any>, cancel: () => void }} */
  request(method, params) {
    const id = ++this.number;
    const answer = new Promise((resolve, reject) => {
      if (!this.process) { reject(new Error('the server does not run')); return; }
      this.waiting.set(id, { resolve, reject });
      this.send({ jsonrpc: '2.0', id, method, params });
    });
    return { answer, cancel: () => { if (this.waiting.has(id)) this.notify('$/cancelRequest', { id }); } };
  }

  notify(method, params) {
    if (this.process) this.send({ jsonrpc: '2.0', method, params });
  }

  send(message) {
    const body = Buffer.from(JSON.stringify(message));
    this.process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.process.stdin.write(body);
  }

  receive(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const head = this.buffer.indexOf('\r\n\r\n');
      if (head === -1) return;
      const size = Number(/content-length: *(\d+)/i.exec(this.buffer.toString('latin1', 0, head))[1]);
      if (this.buffer.length < head + 4 + size) return;
      const message = JSON.parse(this.buffer.toString('utf8', head + 4, head + 4 + size));
      this.buffer = this.buffer.subarray(head + 4 + size);
      this.take(message);
    }
  }

  take(message) {
    if (message.method !== undefined) {
      if (message.id !== undefined) this.send({ jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'not here' } });
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    if (!this.process) return;
    const child = this.process;
    this.request('shutdown', null).answer.catch(() => {});
    this.notify('exit', null);
    setTimeout(() => child.kill(), 3000).unref();
  }
}

module.exports = Connection;
