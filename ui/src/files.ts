// Replaces files that a user picked by their content before they are sent.

/**
 * A file as the server sees it. `_filter` lists the parts that the server does not send back: the
 * content.
 */
export interface FileContent {
  name: string;
  lastModified: number;
  size: number;
  type: string;
  content: Uint8Array | null;
  error: string | null;
  _filter: ["content"];
}

/** Depth to which objects and lists are searched: a list of objects that contain files. */
const MAX_DEPTH = 2;

/**
 * Replaces files in a value, in lists and in plain objects. Returns a promise only if there are
 * files.
 */
export function withFileContent(value: unknown, depth = MAX_DEPTH): unknown {
  if (value instanceof File) return readFile(value);
  if (value instanceof FileList) value = [...value];
  if (depth === 0) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => withFileContent(item, depth - 1));
    return items.some(isPromise) ? Promise.all(items) : value;
  }
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, withFileContent(item, depth - 1)] as const);
    if (!entries.some(([, item]) => isPromise(item))) return value;
    return Promise.all(entries.map(async ([key, item]) => [key, await item] as const)).then(Object.fromEntries);
  }
  return value;
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function readFile(file: File): Promise<FileContent> {
  const { name, lastModified, size, type } = file;
  const described = { name, lastModified, size, type, _filter: ["content"] as ["content"] };
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () =>
      resolve({ ...described, content: new Uint8Array(reader.result as ArrayBuffer), error: null });
    reader.onerror = () =>
      resolve({ ...described, content: null, error: reader.error?.message ?? "The file could not be read." });
    reader.readAsArrayBuffer(file);
  });
}
