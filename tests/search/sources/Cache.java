package io.example.cache;

import java.util.HashMap;
import java.util.Map;

/**
 * Keeps what was loaded last; see {@link Loader}.
 */
public final class Cache<K, V> {
  /** Entries kept at most. */
  public static final int MAX_SIZE = 1024;

  private final Map<K, V> entries = new HashMap<>();

  /** Makes an empty cache. */
  public Cache() {
    clear();
  }

  /**
   * Returns the value of a key, loading it when it is missing.
   */
  @Override
  public V get(K key, Loader<K, V> loader) throws LoadException {
    return entries.computeIfAbsent(key, loader::load);
  }

  interface Loader<K, V> {
    V load(K key);
  }

  enum Policy {
    LRU, FIFO;

    boolean isLru() { return this == LRU; }
  }

  record Pair<A, B>(A first, B second) {}
}
