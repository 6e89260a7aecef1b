// The till's own disk: IndexedDB, strict durability, one database for each page origin.
// Shape:  writes  kept writes by key (queue.ts)
//         kv      device, session (without its CSRF token), sign_out_owed, draft, seq, machines
//         products  the till's copy of the catalogue by sku
// Errors: every method rejects when the browser could not make it durable; nothing is half done (one transaction each).

import type { Product } from '../lib/api';
import type { Draft } from './basket';
import type { Store } from './pump';
import type { Kept } from './queue';

const wanted = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
  });
const finished = (tx: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error('IndexedDB'));
    tx.onerror = () => reject(tx.error ?? new Error('IndexedDB'));
  });
/** Svelte hands out proxies; the database takes plain values only. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export class Disk implements Store {
  private constructor(private db: IDBDatabase) {}

  static async open(name = 'holdfast-till'): Promise<Disk> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('writes', { keyPath: 'key' });
      request.result.createObjectStore('kv');
      request.result.createObjectStore('products', { keyPath: 'sku' });
    };
    return new Disk(await wanted(request));
  }
  close(): void {
    this.db.close();
  }

  #begin(stores: string[]): IDBTransaction {
    return this.db.transaction(stores, 'readwrite', { durability: 'strict' });
  }

  all(): Promise<Kept[]> {
    return wanted(this.db.transaction('writes').objectStore('writes').getAll()) as Promise<Kept[]>;
  }
  async change(put: Kept[], forget: string[]): Promise<void> {
    const tx = this.#begin(['writes']);
    for (const k of put) tx.objectStore('writes').put(plain(k));
    for (const key of forget) tx.objectStore('writes').delete(key);
    await finished(tx);
  }
  /** A write becomes owed to the journal and the basket that it came from ends: both or neither. */
  async hand_over(k: Kept, draft_key: string): Promise<void> {
    const tx = this.#begin(['writes', 'kv']);
    tx.objectStore('writes').put(plain(k));
    tx.objectStore('kv').delete(draft_key);
    tx.objectStore('kv').put(k.seq, 'seq');
    await finished(tx);
  }
  /** A refused write becomes the basket again: both or neither. */
  async take_back(key: string, draft: Draft): Promise<void> {
    const tx = this.#begin(['writes', 'kv']);
    tx.objectStore('kv').put(plain(draft), 'draft');
    tx.objectStore('writes').delete(key);
    await finished(tx);
  }

  get<T>(key: string): Promise<T | undefined> {
    return wanted(this.db.transaction('kv').objectStore('kv').get(key)) as Promise<T | undefined>;
  }
  async set(key: string, value: unknown): Promise<void> {
    const tx = this.#begin(['kv']);
    if (value === undefined) tx.objectStore('kv').delete(key);
    else tx.objectStore('kv').put(plain(value), key);
    await finished(tx);
  }

  products(): Promise<Product[]> {
    return wanted(this.db.transaction('products').objectStore('products').getAll()) as Promise<Product[]>;
  }
  /** The whole copy at once: what head office no longer lists is gone from it. */
  async replace_products(products: Product[]): Promise<void> {
    const tx = this.db.transaction(['products'], 'readwrite', { durability: 'relaxed' });
    tx.objectStore('products').clear();
    for (const p of products) tx.objectStore('products').put(plain(p));
    await finished(tx);
  }
}
