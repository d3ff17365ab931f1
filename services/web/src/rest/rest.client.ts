// The HTTP API: JSON in, JSON out, faults as errors. An access token that was refused is replaced once.
import { Fault, type FaultCode } from "~/protocol/fault";

export interface TokenSource {
  /** The access token; fresh: another one than the one that was just refused. Fails with unauthenticated when nobody is signed in. */
  token(fresh: boolean): Promise<string>;
}

export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  query?: Query;
  /** A Blob is sent as it is, anything else as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

export class Rest {
  #tokens: TokenSource | undefined;

  /** Without tokens it reaches only what is public. */
  constructor(tokens?: TokenSource) {
    this.#tokens = tokens;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call("GET", path, { query, signal });
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call("POST", path, { body });
  }

  call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return this.#signed((token) => once<T>(method, path, call, token));
  }

  /** Posts the bytes of a file; onProgress is told which part of it, from 0 to 1, is on its way. */
  upload<T>(path: string, file: Blob, onProgress: (part: number) => void, signal: AbortSignal): Promise<T> {
    return this.#signed((token) => uploadOnce<T>(path, file, onProgress, signal, token));
  }

  async #signed<T>(act: (token?: string) => Promise<T>): Promise<T> {
    if (!this.#tokens) return act();
    try {
      return await act(await this.#tokens.token(false));
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "unauthenticated") throw error;
      return act(await this.#tokens.token(true));
    }
  }
}

/** Fills ids into a path: at`/chat/rooms/${id}`. */
export const at = (strings: TemplateStringsArray, ...values: (string | number)[]): string =>
  String.raw({ raw: strings }, ...values.map((value) => encodeURIComponent(value)));

async function once<T>(method: string, path: string, { query, body, signal }: Call, token?: string): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(name, String(value));
  const headers: Record<string, string> = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  const file = body instanceof Blob ? body : undefined;
  if (body !== undefined) headers["Content-Type"] = file ? file.type || "application/octet-stream" : "application/json";
  let response: Response;
  try {
    response = await fetch(search.size > 0 ? `${path}?${search}` : path, {
      method,
      headers,
      signal: signal ?? null,
      body: file ?? (body === undefined ? null : JSON.stringify(body)),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Fault("unavailable", "The server cannot be reached.");
  }
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  throw faultOf(response.status, response.headers.get("Retry-After"), text);
}

/** XMLHttpRequest, because fetch says nothing of what was sent. */
function uploadOnce<T>(path: string, file: Blob, onProgress: (part: number) => void, signal: AbortSignal, token = ""): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.throwIfAborted();
    signal.addEventListener("abort", abort);
    request.open("POST", path);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve(JSON.parse(responseText) as T);
      else reject(faultOf(status, request.getResponseHeader("Retry-After"), responseText));
    };
    request.onerror = () => reject(new Fault("unavailable", "The server cannot be reached."));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.send(file);
  });
}

function faultOf(status: number, retryAfter: string | null, text: string): Fault {
  const retryAfterMs = Number(retryAfter ?? 0) * 1000;
  try {
    const { code, message, field } = JSON.parse(text).error as { code: FaultCode; message: string; field?: string };
    return new Fault(code, message, field, retryAfterMs);
  } catch {
    // Not from Natter: a proxy between, say.
    return new Fault("unavailable", `The server answered ${status}.`, "", retryAfterMs);
  }
}
