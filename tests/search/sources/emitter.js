"use strict";

/** Tells listeners what happens. */
class Emitter {
  #listeners = new Map();

  // Adds a listener.
  on(name, listener) {
    this.#listeners.set(name, listener);
    return this;
  }

  static from(other) {
    return Object.assign(new Emitter(), other);
  }

  fire = (name) => this.#listeners.get(name)();
}

Emitter.prototype.off = function (name) {
  delete this.listeners[name];
};

/** Waits until it is quiet. */
export const debounce = (callback, ms) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(callback, ms);
  };
};

exports.once = function (callback) {
  return callback();
};

exports.version = "1.2";

export function* range(end) {
  for (let i = 0; i < end; i++) yield i;
}
